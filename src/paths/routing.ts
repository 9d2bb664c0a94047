/** Routes and policy rules of this network namespace, by rtnetlink: within the turn of the event loop that needs them. */
import { NLM_F_ACK, NLM_F_DUMP } from '../kernel/netlink.js'
import { netlinkRequest } from '../kernel/netlink-request.js'
import { NETLINK_ROUTE, RTM } from './rtnetlink.js'
import { decodeRoute, decodeRule, encodeRoute, encodeRule, type Route, type Rule } from './routing-codec.js'

const NLM_F_REPLACE = 0x100
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400

/** Of all tables. @throws {SystemError} @throws {MptkError} MPTK_NETLINK */
export function listRoutes(): Route[] {
  const header = Buffer.alloc(12)
  return netlinkRequest(NETLINK_ROUTE, RTM.getRoute, NLM_F_DUMP, header, 'list routes').flatMap(
    (message) => decodeRoute(message) ?? [],
  )
}

/** In place of one with the same destination and metric. @throws {SystemError} EPERM without CAP_NET_ADMIN */
export function putRoute(route: Route): void {
  send(RTM.newRoute, NLM_F_CREATE | NLM_F_REPLACE, encodeRoute(route), `add ${describeRoute(route)}`)
}

/** @throws {SystemError} ESRCH when there is none */
export function removeRoute(route: Route): void {
  send(RTM.delRoute, 0, encodeRoute(route), `remove ${describeRoute(route)}`)
}

/** @throws {SystemError} @throws {MptkError} MPTK_NETLINK */
export function listRules(): Rule[] {
  const header = Buffer.alloc(12)
  return netlinkRequest(NETLINK_ROUTE, RTM.getRule, NLM_F_DUMP, header, 'list rules').flatMap(
    (message) => decodeRule(message) ?? [],
  )
}

/** @throws {SystemError} EEXIST when there is the very same, EPERM without CAP_NET_ADMIN */
export function addRule(rule: Rule): void {
  send(RTM.newRule, NLM_F_CREATE | NLM_F_EXCL, encodeRule(rule), `add ${describeRule(rule)}`)
}

/** @throws {SystemError} ENOENT when there is none */
export function removeRule(rule: Rule): void {
  send(RTM.delRule, 0, encodeRule(rule), `remove ${describeRule(rule)}`)
}

function send(type: number, flags: number, payload: Buffer, what: string): void {
  netlinkRequest(NETLINK_ROUTE, type, flags | NLM_F_ACK, payload, what)
}

function describeRoute({ to, via, table }: Route): string {
  return `route ${to}${via === undefined ? '' : ` via ${via}`} of table ${table}`
}

const describeRule = ({ priority, family }: Rule): string => `rule ${priority} of IPv${family}`
