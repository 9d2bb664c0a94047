/**
 * IPv4 addresses inside IPv6 ones: what a translator or tunnel on the way makes of such an
 * address, so that whoever may not go to an IPv4 address cannot go there by an IPv6 one either.
 * (IPv4-mapped ones, ::ffff:0:0/96, are IPv4 to this host itself: `plainAddress`.)
 */
import { formatIP, parseIP } from '../../src/kernel/sockaddr.js'

/** A prefix of a translator with the length at which the IPv4 address begins (RFC 6052 §2.2). */
export interface Nat64Prefix {
  bytes: Buffer
  /** Bits. */
  length: number
}

/** RFC 6052 §2.1. */
const WELL_KNOWN: Nat64Prefix[] = [{ bytes: parseIP('64:ff9b::').subarray(0, 12), length: 96 }]
/** RFC 8215: for local use, at whatever length a site has chosen. */
const LOCAL_USE = [48, 56, 64, 96].map((length) => ({ bytes: parseIP('64:ff9b:1::').subarray(0, 6), length }))

/** @param prefixes as the schema's `nat64Prefix` lets them through: `2001:db8:64::/96` */
export function nat64Prefixes(prefixes: readonly string[]): Nat64Prefix[] {
  return prefixes.map((prefix) => {
    const [address = '', length = ''] = prefix.split('/')
    return { bytes: parseIP(address).subarray(0, Number(length) / 8), length: Number(length) }
  })
}

/**
 * The IPv4 addresses that the IPv6 literal can be taken for; none for IPv4. Those in 0.0.0.0/8
 * are left out: nobody translates them, and `::1` would have one.
 * @param known this network's own translators
 */
export function embeddedIPv4(address: string, known: readonly Nat64Prefix[] = []): string[] {
  if (!address.includes(':')) return []
  const bytes = parseIP(address)
  const found = [...translated(bytes, known), ...tunnelled(bytes)].filter(([first]) => first !== 0)
  return [...new Set(found.map(formatIP))]
}

function translated(bytes: Buffer, known: readonly Nat64Prefix[]): Uint8Array[] {
  const matching = (all: readonly Nat64Prefix[]): Nat64Prefix[] =>
    all.filter((each) => each.bytes.equals(bytes.subarray(0, each.bytes.length)))
  const own = matching(known)
  const prefixes = own.length > 0 ? own : matching([...WELL_KNOWN, ...LOCAL_USE])
  // bits 64 to 71 are not part of the IPv4 address (RFC 6052 §2.2)
  const rest = Buffer.concat([bytes.subarray(0, 8), bytes.subarray(9)])
  return prefixes.map(({ length }) =>
    length === 96 ? bytes.subarray(12) : rest.subarray(length / 8, length / 8 + 4),
  )
}

function tunnelled(bytes: Buffer): Uint8Array[] {
  const is = (start: number, hex: string): boolean => bytes.subarray(start).toString('hex').startsWith(hex)
  const last = bytes.subarray(12)
  return [
    // IPv4-compatible (RFC 4291 §2.5.5.1), IPv4-translated (RFC 2765 §2.1)
    ...(is(0, '0'.repeat(24)) || is(0, `${'0'.repeat(16)}ffff0000`) ? [last] : []),
    // 6to4 (RFC 3056 §2)
    ...(is(0, '2002') ? [bytes.subarray(2, 6)] : []),
    // Teredo's client, its bits inverted (RFC 4380 §4)
    ...(is(0, '20010000') ? [last.map((byte) => byte ^ 0xff)] : []),
    // ISATAP, private and global (RFC 5214 §6.1)
    ...(is(8, '00005efe') || is(8, '02005efe') ? [last] : []),
  ]
}
