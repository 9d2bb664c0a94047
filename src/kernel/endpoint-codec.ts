/** Endpoints of the in-kernel path manager as netlink attributes (include/uapi/linux/mptcp_pm.h). */
import { isIPv6 } from 'node:net'
import { withoutZone } from '../address.js'
import { decodeAttributes, encodeAttribute, encodeNested } from './netlink.js'
import { AF_INET, AF_INET6, formatIP, parseIP } from './sockaddr.js'
import { putU16, putU32, s32, u16, u32, u8 } from './struct.js'
import type { Endpoint, EndpointFlag } from './kernel.js'

/** Top-level attributes. */
export const PM_ATTR = { address: 1, receivedAddAddrs: 2, subflows: 3, token: 4, remote: 6 } as const

const ADDR = { family: 1, id: 2, ip4: 3, ip6: 4, port: 5, flags: 6, interfaceIndex: 7 } as const

const FLAGS: readonly (readonly [EndpointFlag, number])[] = [
  ['signal', 1],
  ['subflow', 2],
  ['backup', 4],
  ['fullmesh', 8],
  ['implicit', 16],
  ['laminar', 32],
]

/** What names an endpoint, or creates one: everything but the address may be absent. */
export type EndpointRequest = Omit<Partial<Endpoint>, 'id'> & { id?: number | undefined }

/**
 * An address for a command.
 * @param type PM_ATTR.address unless it is the peer's
 * @throws {MptkError} MPTK_ADDRESS
 */
export function encodeEndpoint(
  { id, address, port, flags, interfaceIndex }: EndpointRequest,
  type: number = PM_ATTR.address,
): Buffer {
  const parts: Buffer[] = []
  if (address !== undefined) {
    const v6 = isIPv6(withoutZone(address))
    parts.push(encodeAttribute(ADDR.family, putU16(v6 ? AF_INET6 : AF_INET)))
    parts.push(encodeAttribute(v6 ? ADDR.ip6 : ADDR.ip4, parseIP(address)))
  }
  if (id !== undefined) parts.push(encodeAttribute(ADDR.id, Buffer.from([id])))
  // this family's ports are in the machine's byte order, unlike nearly everywhere else
  if (port !== undefined) parts.push(encodeAttribute(ADDR.port, putU16(port)))
  if (flags !== undefined) parts.push(encodeAttribute(ADDR.flags, putU32(flagBits(flags))))
  if (interfaceIndex !== undefined && interfaceIndex !== 0) {
    parts.push(encodeAttribute(ADDR.interfaceIndex, putU32(interfaceIndex)))
  }
  return encodeNested(type, parts)
}

/** Undefined when it has no address. @throws {MptkError} MPTK_NETLINK */
export function decodeEndpoint(nested: Buffer): Endpoint | undefined {
  const parts = decodeAttributes(nested)
  const ip = parts.get(ADDR.ip4) ?? parts.get(ADDR.ip6)
  if (ip === undefined) return undefined
  const [id, port, flags, index] = [ADDR.id, ADDR.port, ADDR.flags, ADDR.interfaceIndex].map((type) =>
    parts.get(type),
  )
  const portNumber = port === undefined ? 0 : (u16(port, 0) ?? 0)
  const bits = flags === undefined ? 0 : (u32(flags, 0) ?? 0)
  return {
    id: id === undefined ? 0 : (u8(id, 0) ?? 0),
    address: formatIP(ip),
    ...(portNumber !== 0 && { port: portNumber }),
    interfaceIndex: index === undefined ? 0 : (s32(index, 0) ?? 0),
    flags: FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name),
  }
}

function flagBits(flags: readonly EndpointFlag[]): number {
  return FLAGS.reduce((bits, [name, bit]) => (flags.includes(name) ? bits | bit : bits), 0)
}
