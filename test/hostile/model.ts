/**
 * What a SOCKS5 proxy may answer to any bytes at all: a small model of RFC 1928 and RFC 1929,
 * written from the documents and sharing nothing with the proxy's own codec.
 */
import { isIP } from 'node:net'

export interface ServiceModel {
  user: { name: string; password: string } | undefined
  /** Ports allowed on 127.0.0.1 and ::1: one with an echo server, one that nobody listens on. */
  echoPort: number
  refusedPort: number
}

export interface Expectation {
  /** What comes first, exactly: method selection and authentication status. */
  before: Buffer
  /** Reply codes that are right; success (0) is followed by the echo of `early`. Empty: only a close is right. */
  replies: ReadonlySet<number>
  /** A close instead of a reply is right too. */
  orClose: boolean
  /** Closing after an answer of these bytes in place of everything beyond `before` is right too. */
  orBytes?: Buffer
  /** The same for an answer that begins so. */
  orStart?: Buffer
  /** Payload behind the request. */
  early: Buffer
}

const NOTHING: Buffer = Buffer.alloc(0)
const NO_METHOD = Buffer.from([5, 0xff])
const REFUSED_PASSWORD = Buffer.from([1, 1])

function closes(before: Buffer, orBytes?: Buffer): Expectation {
  const end = { before, replies: new Set<number>(), orClose: true, early: NOTHING }
  return orBytes === undefined ? end : { ...end, orBytes }
}

/** @param bytes everything that the client ever sends */
export function expectation(bytes: Buffer, service: ServiceModel): Expectation {
  const count = bytes[1]
  if (bytes[0] !== 5) return foreign(bytes)
  if (count === undefined) return closes(NOTHING)
  // RFC 1928 §3: one to 255 methods
  if (count === 0) return closes(NOTHING, NO_METHOD)
  if (bytes.length < 2 + count) return closes(NOTHING)
  const method = service.user === undefined ? 0 : 2
  if (!bytes.subarray(2, 2 + count).includes(method)) return closes(NO_METHOD)

  const rest = bytes.subarray(2 + count)
  const selected = Buffer.from([5, method])
  return service.user === undefined
    ? afterRequest(rest, selected, service)
    : afterPassword(rest, selected, service.user, service)
}

/** A client of another protocol may be told so in it: TLS's alert (RFC 8446 §6), SOCKS4's reply 91, a status of HTTP. */
function foreign(bytes: Buffer): Expectation {
  // one byte may be all that had come when it was judged
  const [first = 0] = bytes
  if (first === 22) return closes(NOTHING, Buffer.from([21, 3, 3, 0, 2, 2, 40]))
  if (first === 4) return closes(NOTHING, Buffer.from([0, 91, 0, 0, 0, 0, 0, 0]))
  if (/^[CDGHOPT]/.test(bytes.toString('latin1')))
    return { ...closes(NOTHING), orStart: Buffer.from('HTTP/1.1 400 ') }
  return closes(NOTHING)
}

/** RFC 1929 §2: version, 1 to 255 bytes of name, 1 to 255 bytes of password, each behind its length. */
function afterPassword(
  bytes: Buffer,
  before: Buffer,
  user: { name: string; password: string },
  service: ServiceModel,
): Expectation {
  const nameLength = bytes[1]
  if (nameLength === undefined || bytes[0] !== 1) return closes(before)
  if (nameLength === 0) return closes(before, REFUSED_PASSWORD)
  const passwordLength = bytes[2 + nameLength]
  if (passwordLength === undefined) return closes(before)
  const end = 3 + nameLength + passwordLength
  if (bytes.length < end) return closes(before)
  const right =
    bytes.subarray(2, 2 + nameLength).equals(Buffer.from(user.name)) &&
    bytes.subarray(3 + nameLength, end).equals(Buffer.from(user.password))
  if (!right) return closes(Buffer.concat([before, REFUSED_PASSWORD]))
  return afterRequest(bytes.subarray(end), Buffer.concat([before, Buffer.from([1, 0])]), service)
}

/** RFC 1928 §4 and §6. Faults seen early may be answered early; a whole message must be answered. */
function afterRequest(bytes: Buffer, before: Buffer, service: ServiceModel): Expectation {
  // the third byte is reserved and means nothing
  const [version, command, , type] = bytes
  if (version !== 5) return closes(before)
  const faults = new Set<number>()
  if (command !== undefined && command !== 1) faults.add(7)
  const answer = (replies: Set<number>, orClose: boolean, early: Buffer = NOTHING): Expectation => ({
    before,
    replies,
    orClose,
    early,
  })
  if (type === undefined) return answer(faults, true)
  if (type !== 1 && type !== 3 && type !== 4) return answer(faults.add(8), false)

  const nameLength = bytes[4]
  if (type === 3 && nameLength === 0) return answer(faults.add(1), true)
  const start = type === 3 ? 5 : 4
  const size = type === 1 ? 4 : type === 4 ? 16 : (nameLength ?? 0)
  const end = start + size + 2
  if (nameLength === undefined || bytes.length < end) return answer(faults, true)
  const port = bytes.readUInt16BE(end - 2)
  if (port === 0) faults.add(1)
  if (faults.size > 0) return answer(faults, false)
  const host = bytes.subarray(start, end - 2)
  const replies = type === 3 ? nameReplies(host, port, service) : addressReplies(host, port, service)
  return answer(new Set(replies), false, bytes.subarray(end))
}

/** The namespace has nothing but loopback; of that the proxy's rules allow two ports on 127.0.0.1 and ::1. */
function addressReplies(address: Buffer, port: number, service: ServiceModel): number[] {
  const mapped = address.length === 16 && /^0{20}ffff/.test(address.toString('hex'))
  const ip = mapped ? address.subarray(12) : address
  const text = ip.length === 4 ? ip.join('.') : ip.toString('hex')
  if (text === '127.0.0.1' || text === `${'0'.repeat(31)}1`) return loopbackReplies(port, service)
  const [a = 0, b = 0] = ip
  const isProtected =
    ip.length === 4
      ? a === 127 ||
        a === 0 ||
        (a === 169 && b === 254) ||
        (a >= 224 && a <= 239) ||
        text === '255.255.255.255'
      : a === 0xff || (a === 0xfe && b >= 0x80 && b <= 0xbf) || ip.every((byte) => byte === 0)
  if (isProtected) return [2]
  return carriesIPv4(ip) ? [2, 3] : [3]
}

/** IPv6 that a translator or a tunnel takes to an IPv4 address, which may be protected. */
function carriesIPv4(ip: Buffer): boolean {
  const known = /^(0{24}|0{16}ffff0000|0064ff9b|2002|20010000|.{16}0[02]005efe)/
  return ip.length === 16 && known.test(ip.toString('hex'))
}

function loopbackReplies(port: number, service: ServiceModel): number[] {
  if (port === service.echoPort) return [0]
  return port === service.refusedPort ? [5] : [2]
}

/** Anything but a success that is none. */
const ANY_DESTINATION = [0, 2, 3, 4, 5]
/** Forms that the C library reads as IPv4 addresses: `127.1`, `0x7f000001`, `017700000001`. */
const OLD_NUMBERS = /^(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}$/

function nameReplies(name: Buffer, port: number, service: ServiceModel): number[] {
  const text = name.toString('latin1').toLowerCase().replace(/\.$/, '')
  if (text === 'localhost') return loopbackReplies(port, service)
  if (isIP(text) === 4) {
    return addressReplies(Buffer.from(text.split('.').map(Number)), port, service)
  }
  if (isIP(text) === 6) return text === '::1' ? loopbackReplies(port, service) : ANY_DESTINATION
  return OLD_NUMBERS.test(text) ? ANY_DESTINATION : [4]
}
