import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { MptkError } from './errors.js'

/** An IP literal and a port, as sockets know them. */
export interface SocketAddress {
  /** IPv4 or IPv6 literal without brackets; a link-local IPv6 may carry `%zone`. */
  address: string
  port: number
}

/** A host that may still be a domain name, and a port: where a client wants to go. */
export interface Destination {
  host: string
  port: number
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`, `example.org:443`. */
export function formatAddress(value: SocketAddress | Destination): string {
  const host = 'address' in value ? value.address : value.host
  return isIPv6(host) ? `[${host}]:${value.port}` : `${host}:${value.port}`
}

/** 4, 6, or 0 for a domain name. */
export function familyOf(host: string): 0 | 4 | 6 {
  return isIP(host) as 0 | 4 | 6
}

const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?$/i

/** Reads `host:port` or `[v6]:port`. @throws {MptkError} MPTK_ADDRESS */
export function parseDestination(text: string): Destination {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port <= 65535)) {
    throw new MptkError(
      'MPTK_ADDRESS',
      `expected host:port or [IPv6]:port with a port of 0 to 65535, found ${JSON.stringify(text)}`,
    )
  }
  if (match?.[1] !== undefined ? !isIPv6(host) : !isIP(host) && !HOST_NAME.test(host)) {
    throw new MptkError(
      'MPTK_ADDRESS',
      `expected a host name or an IP address, found ${JSON.stringify(host)}`,
    )
  }
  return { host, port }
}

/** As {@link parseDestination}, but the host must be an IP literal. @throws {MptkError} MPTK_ADDRESS */
export function parseSocketAddress(text: string): SocketAddress {
  const { host, port } = parseDestination(text)
  if (!isIP(host)) {
    throw new MptkError(
      'MPTK_ADDRESS',
      `expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found ${JSON.stringify(text)}`,
    )
  }
  return { address: host, port }
}

/**
 * The one text of an IP literal that rules compare: RFC 5952, an IPv4-mapped IPv6 address as
 * IPv4, a zone kept. Anything else is returned as it is.
 */
export function plainAddress(address: string): string {
  if (!address.includes(':') || !isIPv6(address)) return address
  const [literal = '', zone] = address.split('%')
  const canonical = new URL(`http://[${literal}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(canonical)
  if (mapped === null) return zone === undefined ? canonical : `${canonical}%${zone}`
  const [high, low] = mapped.slice(1).map((group) => parseInt(group, 16)) as [number, number]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** An address without its zone. */
export function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}

/**
 * True for what is an IPv4 address or nothing: names whose last label is a number are none
 * (RFC 1123 §2.1, RFC 3696 §2), and resolvers differ in what they make of them.
 */
export function endsInNumber(host: string): boolean {
  return /(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(host)
}

/** A set of prefixes (`10.0.0.0/8`, `::1`, `fe80::/10`). `::/0` is all of IPv6 and none of IPv4. */
export class PrefixSet {
  // one list for both would let IPv6 prefixes match IPv4 addresses; and IPv4 is asked for every connection
  readonly #ipv4: { network: number; bits: number }[] = []
  readonly #ipv6 = new BlockList()

  /** @throws {MptkError} MPTK_ADDRESS */
  constructor(prefixes: Iterable<string> = []) {
    for (const prefix of prefixes) this.add(prefix)
  }

  /** @throws {MptkError} MPTK_ADDRESS */
  add(prefix: string): void {
    const [address = '', length, ...rest] = prefix.split('/')
    const family = familyOf(address)
    const most = family === 4 ? 32 : 128
    const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : NaN
    if (family === 0 || rest.length > 0 || address.includes('%') || !(bits <= most)) {
      throw new MptkError(
        'MPTK_ADDRESS',
        `expected an IP address or prefix (as 10.0.0.0/8 or fe80::/10), found ${JSON.stringify(prefix)}`,
      )
    }
    const plain = plainAddress(address)
    if (isIPv4(plain) && (family === 4 || bits >= 96)) this.#addIPv4(plain, family === 4 ? bits : bits - 96)
    else this.#ipv6.addSubnet(address, bits, 'ipv6')
  }

  /** True when the IP literal lies in a prefix; an IPv4-mapped IPv6 address counts as IPv4. */
  has(address: string): boolean {
    const plain = withoutZone(plainAddress(address))
    if (plain.includes(':')) return isIPv6(plain) && this.#ipv6.check(plain, 'ipv6')
    const value = ipv4Value(plain)
    return !Number.isNaN(value) && this.#ipv4.some(({ network, bits }) => network === leading(value, bits))
  }

  #addIPv4(address: string, bits: number): void {
    this.#ipv4.push({ network: leading(ipv4Value(address), bits), bits })
  }
}

/** The 32 bits of a dotted quad; NaN for anything else. */
function ipv4Value(address: string): number {
  return isIPv4(address) ? address.split('.').reduce((value, part) => value * 256 + Number(part), 0) : NaN
}

function leading(value: number, bits: number): number {
  return Math.floor(value / 2 ** (32 - bits))
}

const LOOPBACK = new PrefixSet(['127.0.0.0/8', '::1'])

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.has(address)
}
