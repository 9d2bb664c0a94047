/** IP addresses and struct sockaddr_in, sockaddr_in6 as the kernel lays them out; also inside a sockaddr_storage. */
import { isIPv4, isIPv6 } from 'node:net'
import { withoutZone, type SocketAddress } from '../address.js'
import { MptkError } from '../errors.js'
import { u16, u32 } from './struct.js'

export const AF_INET = 2
export const AF_INET6 = 10

const IN_LENGTH = 8
const IN6_LENGTH = 28

/** The address at `offset`, or undefined for another family (an unused slot is all zero) or too few bytes. */
export function decodeSockaddr(from: Buffer, offset = 0): SocketAddress | undefined {
  const bytes = from.subarray(offset)
  const family = u16(bytes, 0)
  if (family === AF_INET && bytes.length >= IN_LENGTH) {
    return { address: formatIP(bytes.subarray(4, 8)), port: bytes.readUInt16BE(2) }
  }
  if (family === AF_INET6 && bytes.length >= IN6_LENGTH) {
    const scope = u32(bytes, 24) ?? 0
    const address = formatIP(bytes.subarray(8, 24))
    return { address: scope === 0 ? address : `${address}%${scope}`, port: bytes.readUInt16BE(2) }
  }
  return undefined
}

/** Text of 4 or 16 address bytes, IPv6 in the form of RFC 5952. */
export function formatIP(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12, 16).join('.')}`
  }
  const [start, length] = longestZeros(groups)
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0]
  for (let i = 0, run = 0; i < groups.length; i++) {
    run = groups[i] === 0 ? run + 1 : 0
    if (run > best[1]) best = [i - run + 1, run]
  }
  return best
}

/** The 4 or 16 bytes of an IP literal; a zone is ignored. @throws {MptkError} MPTK_ADDRESS */
export function parseIP(text: string): Buffer {
  const address = withoutZone(text)
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (!isIPv6(address)) {
    throw new MptkError('MPTK_ADDRESS', `expected an IP address, found ${JSON.stringify(text)}`)
  }
  // an embedded IPv4 tail becomes two groups, so that only hexadecimal groups are left
  const hex = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a: string, b: string, c: string, d: string) =>
      [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)]
        .map((group) => group.toString(16))
        .join(':'),
  )
  const [head = '', tail] = hex.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = new Array<number>(8 - before.length - after.length).fill(0)
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}
