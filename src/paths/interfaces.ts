/** The interfaces of this network namespace as uplinks see them: read from the kernel, compared. */
import { NLM_F_DUMP } from '../kernel/netlink.js'
import { netlinkRequest } from '../kernel/netlink-request.js'
import { NETLINK_ROUTE, RTM } from './rtnetlink.js'
import {
  decodeUplinkMessage,
  type AddressMessage,
  type DefaultRouteMessage,
  type LinkMessage,
  type UplinkMessage,
} from './interface-codec.js'

export interface InterfaceState {
  index: number
  name: string
  /** Administratively up. */
  up: boolean
  carrier: boolean
  loopback: boolean
  mac?: string
  /** Those that connections can begin from: global scope, neither tentative, temporary nor deprecated. */
  addresses: { family: 4 | 6; address: string; prefixLength: number }[]
  /**
   * Of the default routes over this interface in the main table, the one of lowest metric; null
   * for one without a next hop, as point-to-point interfaces have.
   */
  gateways: { 4?: string | null; 6?: string | null }
}

/** By name. */
export type Interfaces = ReadonlyMap<string, InterfaceState>

/**
 * Three dumps. Each is consistent in itself; what changes between them is told by an event that
 * makes whoever watches read again.
 * @throws {SystemError} @throws {MptkError} MPTK_NETLINK
 */
export function readInterfaces(): Interfaces {
  return assemble([
    ...dump(RTM.getLink, 16, 'list links'),
    ...dump(RTM.getAddress, 8, 'list addresses'),
    ...dump(RTM.getRoute, 12, 'list routes'),
  ])
}

/** Of all families: the header that asks is zero. */
function dump(type: number, header: number, what: string): UplinkMessage[] {
  return netlinkRequest(NETLINK_ROUTE, type, NLM_F_DUMP, Buffer.alloc(header), what).flatMap(
    (message) => decodeUplinkMessage(message) ?? [],
  )
}

/** Puts the messages of a dump together: pure. */
export function assemble(messages: readonly UplinkMessage[]): Interfaces {
  const byIndex = new Map<number, InterfaceState>()
  for (const each of messages) {
    if (each.kind === 'link') byIndex.set(each.index, emptyState(each))
  }
  for (const each of messages) {
    if (each.kind === 'address') addAddress(byIndex, each)
  }
  const best = messages.filter((each) => each.kind === 'default-route').sort((a, b) => a.metric - b.metric)
  for (const each of best) addGateway(byIndex, each)
  return new Map([...byIndex.values()].map((each) => [each.name, each]))
}

function emptyState({ index, name, up, carrier, loopback, mac }: LinkMessage): InterfaceState {
  const state = { index, name, up, carrier, loopback, addresses: [], gateways: {} }
  return mac === undefined ? state : { ...state, mac }
}

function addAddress(byIndex: ReadonlyMap<number, InterfaceState>, message: AddressMessage): void {
  const { index, family, address, prefixLength, usable } = message
  if (usable) byIndex.get(index)?.addresses.push({ family, address, prefixLength })
}

function addGateway(byIndex: ReadonlyMap<number, InterfaceState>, route: DefaultRouteMessage): void {
  for (const { index, gateway } of route.hops) {
    const gateways = byIndex.get(index)?.gateways
    if (gateways !== undefined && !(route.family in gateways)) gateways[route.family] = gateway
  }
}
