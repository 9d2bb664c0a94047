/**
 * What rtnetlink says of links, addresses and routes, as far as uplinks need it; nothing here talks
 * to the kernel. Layout: include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h.
 */
import { decodeAttributes, type Attributes, type NetlinkMessage } from '../kernel/netlink.js'
import { AF_INET, AF_INET6, formatIP } from '../kernel/sockaddr.js'
import { routeMetric } from './routing-codec.js'
import { RTM } from './rtnetlink.js'
import { cString, s32, u16, u32, u8 } from '../kernel/struct.js'

export interface LinkMessage {
  kind: 'link'
  removed: boolean
  index: number
  name: string
  /** Administratively up. */
  up: boolean
  /** Carrier is there, and whatever else the driver waits for, as a Wi-Fi association. */
  carrier: boolean
  loopback: boolean
  mac?: string
}

export interface AddressMessage {
  kind: 'address'
  removed: boolean
  index: number
  family: 4 | 6
  address: string
  prefixLength: number
  /** Good to begin connections from: global, neither tentative nor duplicate, temporary or deprecated. */
  usable: boolean
}

/** A default route of the main table; other routes are no concern of uplinks. */
export interface DefaultRouteMessage {
  kind: 'default-route'
  removed: boolean
  family: 4 | 6
  metric: number
  /** One for each way that the route has; gateway null on point-to-point links. */
  hops: { index: number; gateway: string | null }[]
}

export type UplinkMessage = LinkMessage | AddressMessage | DefaultRouteMessage

const IFF = { up: 0x1, loopback: 0x8, running: 0x40, lowerUp: 0x10000 } as const
const IFLA = { address: 1, name: 3 } as const
const IFA = { address: 1, local: 2, flags: 8 } as const
const IFA_F_UNUSABLE = 0x01 | 0x08 | 0x20 | 0x40 // temporary, duplicate found, deprecated, tentative
const RTA = { outputDevice: 4, gateway: 5, priority: 6, multipath: 9, table: 15, via: 18 } as const
const RT_TABLE_MAIN = 254
const RT_SCOPE_UNIVERSE = 0
const RTN_UNICAST = 1
const RTM_F_CLONED = 0x200

const familyOf = (number: number | undefined): 4 | 6 | undefined =>
  number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined

/** Undefined for anything that is no business of uplinks. @throws {MptkError} MPTK_NETLINK */
export function decodeUplinkMessage({ type, payload }: NetlinkMessage): UplinkMessage | undefined {
  switch (type) {
    case RTM.newLink:
    case RTM.delLink:
      return decodeLink(payload, type === RTM.delLink)
    case RTM.newAddress:
    case RTM.delAddress:
      return decodeAddress(payload, type === RTM.delAddress)
    case RTM.newRoute:
    case RTM.delRoute:
      return decodeDefaultRoute(payload, type === RTM.delRoute)
    default:
      return undefined
  }
}

/** struct ifinfomsg, 16 bytes: family, pad, type u16, index s32, flags u32, change u32. */
function decodeLink(payload: Buffer, removed: boolean): LinkMessage | undefined {
  const [family, index, flags] = [u8(payload, 0), s32(payload, 4), u32(payload, 8)]
  // bridges tell of their ports under a family of their own, also that a port has left the bridge
  if (family !== 0 || index === undefined || flags === undefined) return undefined
  const attributes = decodeAttributes(payload.subarray(16))
  const [name, mac] = [attributes.get(IFLA.name), attributes.get(IFLA.address)]
  if (name === undefined) return undefined
  return {
    kind: 'link',
    removed,
    index,
    name: cString(name),
    up: (flags & IFF.up) !== 0,
    carrier: (flags & IFF.running) !== 0 && (flags & IFF.lowerUp) !== 0,
    loopback: (flags & IFF.loopback) !== 0,
    ...(mac?.length === 6 && { mac: mac.toString('hex').replace(/(..)(?=.)/g, '$1:') }),
  }
}

/** struct ifaddrmsg, 8 bytes: family, prefix length, flags, scope, index u32. */
function decodeAddress(payload: Buffer, removed: boolean): AddressMessage | undefined {
  const [family, prefixLength, index] = [familyOf(u8(payload, 0)), u8(payload, 1), u32(payload, 4)]
  if (family === undefined || prefixLength === undefined || index === undefined) return undefined
  const attributes = decodeAttributes(payload.subarray(8))
  // on point-to-point links IFA_ADDRESS is the other end
  const address = attributes.get(IFA.local) ?? attributes.get(IFA.address)
  if (address === undefined) return undefined
  const flags = word(attributes, IFA.flags) ?? u8(payload, 2) ?? 0
  return {
    kind: 'address',
    removed,
    index,
    family,
    address: formatIP(address),
    prefixLength,
    // IFA_F_SECONDARY has the bit of IFA_F_TEMPORARY: for IPv4 it says nothing against an address
    usable: u8(payload, 3) === RT_SCOPE_UNIVERSE && (flags & (family === 4 ? ~1 : ~0) & IFA_F_UNUSABLE) === 0,
  }
}

/** struct rtmsg, 12 bytes: family, dst_len, src_len, tos, table, protocol, scope, type, flags u32. */
function decodeDefaultRoute(payload: Buffer, removed: boolean): DefaultRouteMessage | undefined {
  const family = familyOf(u8(payload, 0))
  const isDefault = u8(payload, 1) === 0 && u8(payload, 2) === 0 && u8(payload, 7) === RTN_UNICAST
  if (family === undefined || !isDefault || ((u32(payload, 8) ?? 0) & RTM_F_CLONED) !== 0) return undefined
  const attributes = decodeAttributes(payload.subarray(12))
  if ((word(attributes, RTA.table) ?? u8(payload, 4)) !== RT_TABLE_MAIN) return undefined
  const metric = routeMetric(family, word(attributes, RTA.priority))
  const multipath = attributes.get(RTA.multipath)
  const index = word(attributes, RTA.outputDevice)
  const hops =
    multipath !== undefined ? decodeHops(multipath) : index === undefined ? [] : [hop(index, attributes)]
  return { kind: 'default-route', removed, family, metric, hops }
}

/** struct rtnexthop, 8 bytes: length u16, flags, hops, index s32; attributes follow. */
function decodeHops(bytes: Buffer): DefaultRouteMessage['hops'] {
  const hops: DefaultRouteMessage['hops'] = []
  for (let rest = bytes; rest.length >= 8;) {
    const length = u16(rest, 0) ?? 0
    if (length < 8 || length > rest.length) break
    hops.push(hop(s32(rest, 4) ?? 0, decodeAttributes(rest.subarray(8, length))))
    rest = rest.subarray((length + 3) & ~3)
  }
  return hops
}

function hop(index: number, attributes: Attributes): { index: number; gateway: string | null } {
  // RTA_VIA is for a next hop of the other family, which it names first
  const gateway = attributes.get(RTA.gateway) ?? attributes.get(RTA.via)?.subarray(2)
  return { index, gateway: gateway === undefined ? null : formatIP(gateway) }
}

function word(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type)
  return value === undefined ? undefined : u32(value, 0)
}
