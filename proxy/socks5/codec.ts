/**
 * SOCKS5 messages (RFC 1928, RFC 1929) as pure functions. Decoders take the bytes received
 * so far and return undefined while the message is incomplete; they throw a
 * {@link ProtocolError} as soon as it cannot become a valid one.
 */
import { isIPv4 } from 'node:net'
import type { Destination, SocketAddress } from '../../src/address.js'

export const VERSION = 5
/** RFC 1929 §2: version of the subnegotiation. */
const CREDENTIALS_VERSION = 1

/** RFC 1928 §3. */
export const METHOD = { none: 0x00, password: 0x02, unacceptable: 0xff } as const

/** RFC 1928 §4. */
export const COMMAND = { connect: 1, bind: 2, udpAssociate: 3 } as const

/**
 * RFC 1928 §6, and of the codes it leaves unassigned one of this project's own: `limit` tells the
 * next proxy's clients that a limit is reached. Whoever does not know it takes it for a failure.
 */
export const REPLY = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  ttlExpired: 6,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
  limit: 0x4c,
} as const
export type Reply = (typeof REPLY)[keyof typeof REPLY]

const ADDRESS_TYPE = { ipv4: 1, domain: 3, ipv6: 4 } as const

/** The longest valid message: a request or reply for a domain of 255 bytes. */
export const MAX_MESSAGE = 4 + 1 + 255 + 2

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  constructor(
    message: string,
    /** What to answer, where RFC 1928 has an answer for it; otherwise just close. */
    readonly reply?: Reply,
  ) {
    super(message)
  }
}

/** A decoded message and how many bytes it took; what follows them belongs to the next one. */
export interface Decoded<T> {
  value: T
  length: number
}

export interface Request {
  command: number
  destination: Destination
}

/** Method selection message (RFC 1928 §3): the methods the client offers. */
export function decodeGreeting(bytes: Buffer): Decoded<Uint8Array> | undefined {
  expectVersion(bytes, VERSION, 'SOCKS version')
  const count = bytes[1]
  if (count === 0) throw new ProtocolError('the client offers no authentication method')
  if (count === undefined || bytes.length < 2 + count) return undefined
  return { value: bytes.subarray(2, 2 + count), length: 2 + count }
}

/** User name and password (RFC 1929 §2). */
export function decodeCredentials(
  bytes: Buffer,
): Decoded<{ username: string; password: string }> | undefined {
  expectVersion(bytes, CREDENTIALS_VERSION, 'authentication version')
  const nameLength = bytes[1]
  if (nameLength === 0) throw new ProtocolError('the user name is empty')
  if (nameLength === undefined) return undefined
  const passwordLength = bytes[2 + nameLength]
  if (passwordLength === undefined) return undefined
  const length = 3 + nameLength + passwordLength
  if (bytes.length < length) return undefined
  return {
    value: {
      username: bytes.toString('utf8', 2, 2 + nameLength),
      password: bytes.toString('utf8', 3 + nameLength, length),
    },
    length,
  }
}

/** Request (RFC 1928 §4). The reserved byte means nothing, whatever it is. */
export function decodeRequest(bytes: Buffer): Decoded<Request> | undefined {
  expectVersion(bytes, VERSION, 'SOCKS version')
  const command = bytes[1]
  const address = decodeAddress(bytes, 3)
  if (command === undefined || address === undefined) return undefined
  return { value: { command, destination: address.value }, length: address.length }
}

/**
 * Reply (RFC 1928 §6), as a client of an upstream proxy reads it. A failure is told by its code
 * alone: the connection ends after it, and proxies send anything or nothing as its address. In a
 * success the address says where the payload begins, and otherwise nothing of interest to a
 * CONNECT: it may be an empty name. The reserved byte means nothing.
 */
export function decodeReply(bytes: Buffer): Decoded<{ reply: number; bound: Destination }> | undefined {
  expectVersion(bytes, VERSION, 'SOCKS version')
  const reply = bytes[1]
  if (reply === undefined) return undefined
  if (reply !== REPLY.succeeded) {
    return { value: { reply, bound: { host: '0.0.0.0', port: 0 } }, length: bytes.length }
  }
  const address = decodeAddress(bytes, 3, { emptyName: true })
  if (address === undefined) return undefined
  return { value: { reply, bound: address.value }, length: address.length }
}

/**
 * Status of user name and password (RFC 1929 §2), as a client reads it. Its version has one value,
 * and proxies are known that put their SOCKS version there.
 */
export function decodeCredentialsStatus(bytes: Buffer): Decoded<number> | undefined {
  if (bytes[0] !== VERSION) expectVersion(bytes, CREDENTIALS_VERSION, 'authentication version')
  return bytes[1] === undefined ? undefined : { value: bytes[1], length: 2 }
}

/** Choice of the method (RFC 1928 §3), as a client reads it. */
export function decodeMethod(bytes: Buffer): Decoded<number> | undefined {
  expectVersion(bytes, VERSION, 'SOCKS version')
  return bytes[1] === undefined ? undefined : { value: bytes[1], length: 2 }
}

export function encodeGreeting(methods: readonly number[]): Buffer {
  return Buffer.from([VERSION, methods.length, ...methods])
}

export function encodeMethod(method: number): Buffer {
  return Buffer.from([VERSION, method])
}

export function encodeCredentials(username: string, password: string): Buffer {
  const [name, secret] = [Buffer.from(username), Buffer.from(password)]
  return Buffer.concat([
    Buffer.from([CREDENTIALS_VERSION, name.length]),
    name,
    Buffer.from([secret.length]),
    secret,
  ])
}

/** RFC 1929 §2: status 0 is success, anything else failure. */
export function encodeCredentialsStatus(success: boolean): Buffer {
  return Buffer.from([CREDENTIALS_VERSION, success ? 0 : 1])
}

export function encodeRequest(command: number, destination: Destination): Buffer {
  return Buffer.concat([Buffer.from([VERSION, command, 0]), encodeAddress(destination)])
}

/** @param bound the address the proxy's outgoing socket has; zeros in a failure (RFC 1928 §6) */
export function encodeReply(reply: Reply, bound: SocketAddress = { address: '0.0.0.0', port: 0 }): Buffer {
  return Buffer.concat([
    Buffer.from([VERSION, reply, 0]),
    encodeAddress({ host: bound.address, port: bound.port }),
  ])
}

function expectVersion(bytes: Buffer, version: number, what: string): void {
  if (bytes[0] !== undefined && bytes[0] !== version) {
    throw new ProtocolError(`expected ${what} ${version}, found ${bytes[0]}`)
  }
}

/** ATYP, address and port at `start` (RFC 1928 §5); `length` counts from the message's beginning. */
function decodeAddress(
  bytes: Buffer,
  start: number,
  { emptyName = false }: { emptyName?: boolean } = {},
): Decoded<Destination> | undefined {
  const type = bytes[start]
  if (type === undefined) return undefined
  const from = type === ADDRESS_TYPE.domain ? start + 2 : start + 1
  const size = addressSize(type, bytes[start + 1])
  if (size === 0 && !emptyName) throw new ProtocolError('the domain name is empty', REPLY.generalFailure)
  if (size === undefined || bytes.length < from + size + 2) return undefined
  const raw = bytes.subarray(from, from + size)
  return {
    value: { host: hostText(type, raw), port: bytes.readUInt16BE(from + size) },
    length: from + size + 2,
  }
}

function addressSize(type: number, domainLength: number | undefined): number | undefined {
  switch (type) {
    case ADDRESS_TYPE.ipv4:
      return 4
    case ADDRESS_TYPE.ipv6:
      return 16
    case ADDRESS_TYPE.domain:
      return domainLength
    default:
      throw new ProtocolError(`address type ${type} is not supported`, REPLY.addressTypeNotSupported)
  }
}

function hostText(type: number, raw: Buffer): string {
  switch (type) {
    case ADDRESS_TYPE.ipv4:
      return raw.join('.')
    case ADDRESS_TYPE.ipv6:
      return ipv6Text(raw)
    default:
      return raw.toString('latin1')
  }
}

/** The canonical text (RFC 5952) of 16 bytes, by the URL parser. */
function ipv6Text(raw: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(i * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function encodeAddress({ host, port }: Destination): Buffer {
  const end = Buffer.alloc(2)
  end.writeUInt16BE(port)
  if (isIPv4(host))
    return Buffer.concat([Buffer.from([ADDRESS_TYPE.ipv4, ...host.split('.').map(Number)]), end])
  if (host.includes(':')) return Buffer.concat([Buffer.from([ADDRESS_TYPE.ipv6]), ipv6Bytes(host), end])
  const name = Buffer.from(host, 'latin1')
  if (name.length === 0 || name.length > 255) {
    throw new ProtocolError(`a domain name has 1 to 255 bytes, found ${name.length}`)
  }
  return Buffer.concat([Buffer.from([ADDRESS_TYPE.domain, name.length]), name, end])
}

function ipv6Bytes(host: string): Buffer {
  // the URL parser also turns an embedded IPv4 address into groups; a zone has no place in the protocol
  const canonical = new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail?.split(':').filter(Boolean) ?? []
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
