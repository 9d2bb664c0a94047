/** What the routing tables and rules say of one destination (include/uapi/linux/rtnetlink.h). */
import { familyOf } from '../address.js'
import { errnoName, isSystemError } from '../errors.js'
import { decodeAttributes, encodeAttribute } from './netlink.js'
import { netlinkRequest } from './netlink-request.js'
import { AF_INET, AF_INET6, formatIP, parseIP } from './sockaddr.js'
import { putU32, s32, u8 } from './struct.js'

const NETLINK_ROUTE = 0
const RTM_GETLINK = 18
const RTM_GETROUTE = 26

const IFLA_IFNAME = 3
const IFINFOMSG_LENGTH = 16
const IFI_INDEX = 4

const RTA_DST = 1
const RTA_SRC = 2
const RTA_OIF = 4
const RTA_PREFSRC = 7
const RTA_MARK = 16
/** struct rtmsg, and in it where the route's type stands. */
const RTMSG_LENGTH = 12
const RTM_TYPE = 7
const RTN_UNICAST = 1
const RTN_LOCAL = 2
/** Types of destinations that are no single other host. */
const TYPES: Readonly<Record<number, DestinationType>> = {
  [RTN_LOCAL]: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
}
/** What a lookup ends with where there is no way: no route, or one that says unreachable, prohibit, blackhole or throw; IPv6 off. */
const NO_WAY = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EACCES',
  'EINVAL',
  'EAGAIN',
  'EAFNOSUPPORT',
  'EOPNOTSUPP',
])
/** Answer with the entry of the table that matches: without it a bound interface makes every address a neighbour. */
const RTM_F_FIB_MATCH = 0x2000

/**
 * True when a packet from `source` to `to` that is bound to the interface has a route over it.
 * Needs no privilege. @throws {SystemError} for an interface that is not there
 */
export function hasRoute(to: string, source: string, device: string): boolean {
  const family = familyOf(to) === 6 ? AF_INET6 : AF_INET
  const bits = family === AF_INET6 ? 128 : 32
  const payload = Buffer.concat([
    // family, both prefix lengths; TOS, table, protocol, scope and type are for the kernel to say
    Buffer.from([family, bits, bits, 0, 0, 0, 0, 0]),
    putU32(RTM_F_FIB_MATCH),
    encodeAttribute(RTA_DST, parseIP(to)),
    encodeAttribute(RTA_SRC, parseIP(source)),
    encodeAttribute(RTA_OIF, putU32(interfaceIndex(device))),
  ])
  try {
    const what = `look for a route to ${to} over ${device}`
    return netlinkRequest(NETLINK_ROUTE, RTM_GETROUTE, 0, payload, what).length > 0
  } catch (error) {
    if (errnoName(error) === undefined) throw error
    return false
  }
}

/**
 * The address that a packet to `to` would come from; undefined where there is no way.
 * Needs no privilege. @throws {SystemError} where this family is not there at all
 */
export function sourceTowards(to: string): string | undefined {
  const family = familyOf(to) === 6 ? AF_INET6 : AF_INET
  const payload = Buffer.concat([
    Buffer.from([family, family === AF_INET6 ? 128 : 32, 0, 0, 0, 0, 0, 0]),
    putU32(0),
    encodeAttribute(RTA_DST, parseIP(to)),
  ])
  const [answer] = netlinkRequest(NETLINK_ROUTE, RTM_GETROUTE, 0, payload, `look for a route to ${to}`)
  const type = answer === undefined ? undefined : u8(answer.payload, RTM_TYPE)
  if (answer === undefined || (type !== RTN_UNICAST && type !== RTN_LOCAL)) return undefined
  const source = decodeAttributes(answer.payload.subarray(RTMSG_LENGTH)).get(RTA_PREFSRC)
  return source === undefined ? undefined : formatIP(source)
}

export type DestinationType = 'local' | 'broadcast' | 'anycast' | 'multicast'

/** What a socket is set to that routing policy may look at. */
export interface SocketWay {
  mark?: number | undefined
  /** Interface it is bound to. */
  device?: string | undefined
  /** Address it is bound to. */
  source?: string | undefined
}

/**
 * What the kernel takes the address for: one of this host's own, however it has become that (an
 * interface that is down or has no carrier, a local route, an address a moment old), or of a group;
 * undefined for any other host, reachable or not. Needs no privilege.
 * @throws {SystemError} when the kernel cannot be asked, which says nothing about the address
 */
export function destinationType(to: string, way: SocketWay = {}): DestinationType | undefined {
  const family = familyOf(to)
  const bits = family === 6 ? 128 : 32
  const source = way.source !== undefined && familyOf(way.source) === family ? way.source : undefined
  const payload = Buffer.concat([
    Buffer.from([family === 6 ? AF_INET6 : AF_INET, bits, source === undefined ? 0 : bits, 0, 0, 0, 0, 0]),
    putU32(0),
    encodeAttribute(RTA_DST, parseIP(to)),
    ...(source === undefined ? [] : [encodeAttribute(RTA_SRC, parseIP(source))]),
    ...(way.mark === undefined ? [] : [encodeAttribute(RTA_MARK, putU32(way.mark))]),
    ...(way.device === undefined ? [] : [encodeAttribute(RTA_OIF, putU32(interfaceIndex(way.device)))]),
  ])
  try {
    const [answer] = netlinkRequest(NETLINK_ROUTE, RTM_GETROUTE, 0, payload, `ask what ${to} is`)
    return TYPES[u8(answer?.payload ?? Buffer.alloc(0), RTM_TYPE) ?? 0]
  } catch (error) {
    // a socket that cannot be opened fails with some of the same numbers
    if (isSystemError(error) && error.syscall === 'netlink' && NO_WAY.has(error.code)) return undefined
    throw error
  }
}

/** @throws {SystemError} ENODEV */
function interfaceIndex(device: string): number {
  const payload = Buffer.concat([
    Buffer.alloc(IFINFOMSG_LENGTH),
    encodeAttribute(IFLA_IFNAME, Buffer.from(`${device}\0`)),
  ])
  const [answer] = netlinkRequest(NETLINK_ROUTE, RTM_GETLINK, 0, payload, `look for the interface ${device}`)
  return s32(answer?.payload ?? Buffer.alloc(0), IFI_INDEX) ?? 0
}
