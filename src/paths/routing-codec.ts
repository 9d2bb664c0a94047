/** Routes of a table and policy rules as rtnetlink has them; nothing here talks to the kernel. */
import { familyOf } from '../address.js'
import { decodeAttributes, encodeAttribute, type Attributes, type NetlinkMessage } from '../kernel/netlink.js'
import { AF_INET, AF_INET6, formatIP, parseIP } from '../kernel/sockaddr.js'
import { cString, putU16, putU32, u32, u8 } from '../kernel/struct.js'

/** Interfaces are numbers here. */
export interface Route {
  family: 4 | 6
  table: number
  /** `default` or a prefix. */
  to: string
  type: 'unicast' | 'local' | 'unreachable' | 'blackhole'
  via?: string
  index?: number
  source?: string
  /** As the kernel lists it: 1024 where IPv6 was told none. */
  metric: number
}

export interface Rule {
  family: 4 | 6
  priority: number
  /** 0 for a rule that does something else than look into one. */
  table: number
  from?: string
  to?: string
  /** `0x1/0xff`; without a mask all bits count. */
  mark?: string
  inputDevice?: string
  outputDevice?: string
  /** Number of the IP protocol: 6 is TCP. */
  protocol?: number
  /** A route that the table finds does not count when it is a default route. */
  suppressDefault?: boolean
  /** In the place of a lookup: senders are told that there is no way. */
  action?: 'unreachable'
}

const RTA = { to: 1, device: 4, gateway: 5, metric: 6, source: 7, table: 15, via: 18 } as const
const FRA = {
  to: 1,
  from: 2,
  input: 3,
  priority: 6,
  mark: 10,
  suppressPrefixLength: 14,
  table: 15,
  mask: 16,
  output: 17,
  protocol: 22,
} as const
const TYPES = { unicast: 1, local: 2, blackhole: 6, unreachable: 7 } as const
const SCOPE = { universe: 0, link: 253, host: 254 } as const
/** As `mptk apply` marks them (linux/route-table.ts). */
const RTPROT_STATIC = 4
const FR_ACT_TO_TBL = 1
const FR_ACT_UNREACHABLE = 7
const ALL_BITS = 0xffffffff
const IP6_METRIC = 1024

const afOf = (family: 4 | 6): number => (family === 4 ? AF_INET : AF_INET6)

export const routeMetric = (family: 4 | 6, metric: number | undefined): number =>
  metric ?? (family === 6 ? IP6_METRIC : 0)

/** Payload of RTM_NEWROUTE and RTM_DELROUTE. @throws {MptkError} MPTK_ADDRESS */
export function encodeRoute(route: Route): Buffer {
  const { family, table, to, type, via, index, source, metric } = route
  const [address, length] = splitPrefix(to, family)
  const scope =
    family === 6 || via !== undefined || type === 'unreachable' || type === 'blackhole'
      ? SCOPE.universe
      : type === 'local'
        ? SCOPE.host
        : SCOPE.link
  const header = Buffer.from([afOf(family), length, 0, 0, 0, RTPROT_STATIC, scope, TYPES[type], 0, 0, 0, 0])
  const attributes = [encodeAttribute(RTA.table, putU32(table)), encodeAttribute(RTA.metric, putU32(metric))]
  if (address !== undefined) attributes.push(encodeAttribute(RTA.to, address))
  if (via !== undefined) attributes.push(encodeGateway(family, via))
  if (index !== undefined) attributes.push(encodeAttribute(RTA.device, putU32(index)))
  if (source !== undefined) attributes.push(encodeAttribute(RTA.source, parseIP(source)))
  return Buffer.concat([header, ...attributes])
}

function encodeGateway(family: 4 | 6, via: string): Buffer {
  const bytes = parseIP(via)
  if (familyOf(via) === family) return encodeAttribute(RTA.gateway, bytes)
  return encodeAttribute(RTA.via, Buffer.concat([putU16(bytes.length === 4 ? AF_INET : AF_INET6), bytes]))
}

/** Undefined for what no uplink's table of ours holds, as broadcast or cloned routes. @throws {MptkError} MPTK_NETLINK */
export function decodeRoute({ payload }: NetlinkMessage): Route | undefined {
  const family = decodeFamily(payload)
  const type = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((name) => TYPES[name] === u8(payload, 7))
  if (family === undefined || type === undefined) return undefined
  const attributes = decodeAttributes(payload.subarray(12))
  const [gateway, via, source] = [RTA.gateway, RTA.via, RTA.source].map((each) => attributes.get(each))
  const hop = gateway ?? via?.subarray(2)
  const index = word(attributes, RTA.device)
  // the kernel puts loopback into refusing routes of IPv6
  const refuses = type === 'unreachable' || type === 'blackhole'
  return {
    family,
    table: word(attributes, RTA.table) ?? u8(payload, 4) ?? 0,
    to: prefixText(attributes.get(RTA.to), u8(payload, 1) ?? 0, 'default'),
    type,
    ...(hop !== undefined && { via: formatIP(hop) }),
    ...(index !== undefined && !refuses && { index }),
    ...(source !== undefined && { source: formatIP(source) }),
    metric: routeMetric(family, word(attributes, RTA.metric)),
  }
}

/** Payload of RTM_NEWRULE and RTM_DELRULE. @throws {MptkError} MPTK_ADDRESS */
export function encodeRule(rule: Rule): Buffer {
  const { family, priority, table, from, to, mark, inputDevice, outputDevice, protocol } = rule
  const action = rule.action === 'unreachable' ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL
  const [source, sourceLength] = splitPrefix(from ?? 'all', family)
  const [destination, destinationLength] = splitPrefix(to ?? 'all', family)
  const header = [afOf(family), destinationLength, sourceLength, 0, 0, 0, 0, action, 0, 0, 0, 0]
  const attributes = [encodeAttribute(FRA.priority, putU32(priority))]
  if (rule.action === undefined) attributes.push(encodeAttribute(FRA.table, putU32(table)))
  if (source !== undefined) attributes.push(encodeAttribute(FRA.from, source))
  if (destination !== undefined) attributes.push(encodeAttribute(FRA.to, destination))
  if (mark !== undefined) {
    const [value = 0, mask = ALL_BITS] = mark.split('/').map(Number)
    attributes.push(encodeAttribute(FRA.mark, putU32(value)), encodeAttribute(FRA.mask, putU32(mask)))
  }
  if (inputDevice !== undefined) attributes.push(encodeAttribute(FRA.input, Buffer.from(`${inputDevice}\0`)))
  if (outputDevice !== undefined)
    attributes.push(encodeAttribute(FRA.output, Buffer.from(`${outputDevice}\0`)))
  if (protocol !== undefined) attributes.push(encodeAttribute(FRA.protocol, Buffer.from([protocol])))
  if (rule.suppressDefault === true) attributes.push(encodeAttribute(FRA.suppressPrefixLength, putU32(0)))
  return Buffer.concat([Buffer.from(header), ...attributes])
}

/** Undefined for rules that neither look into a table nor refuse. @throws {MptkError} MPTK_NETLINK */
export function decodeRule({ payload }: NetlinkMessage): Rule | undefined {
  const family = decodeFamily(payload)
  const action = u8(payload, 7)
  if (family === undefined || (action !== FR_ACT_TO_TBL && action !== FR_ACT_UNREACHABLE)) return undefined
  const attributes = decodeAttributes(payload.subarray(12))
  const [from, to] = [attributes.get(FRA.from), attributes.get(FRA.to)]
  const [input, output] = [attributes.get(FRA.input), attributes.get(FRA.output)]
  // a mark of 0 is left out: only its mask tells that there is one
  const mask = word(attributes, FRA.mask)
  const mark = word(attributes, FRA.mark) ?? (mask === undefined ? undefined : 0)
  const protocol = attributes.get(FRA.protocol)
  const refuses = action === FR_ACT_UNREACHABLE
  return {
    family,
    priority: word(attributes, FRA.priority) ?? 0,
    table: refuses ? 0 : (word(attributes, FRA.table) ?? u8(payload, 4) ?? 0),
    ...(from !== undefined && { from: prefixText(from, u8(payload, 2) ?? 0, 'all') }),
    ...(to !== undefined && { to: prefixText(to, u8(payload, 1) ?? 0, 'all') }),
    ...(mark !== undefined && mask !== 0 && { mark: markText(mark, mask) }),
    ...(input !== undefined && { inputDevice: cString(input) }),
    ...(output !== undefined && { outputDevice: cString(output) }),
    ...(protocol !== undefined && { protocol: u8(protocol, 0) ?? 0 }),
    ...(word(attributes, FRA.suppressPrefixLength) === 0 && { suppressDefault: true }),
    ...(refuses && { action: 'unreachable' as const }),
  }
}

/** `0x1/0x1` in the one form that rules are compared in. */
export function markText(value: number, mask = ALL_BITS): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`
}

function decodeFamily(payload: Buffer): 4 | 6 | undefined {
  const number = u8(payload, 0)
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined
}

/** `10.0.0.0/8` → its bytes and 8; `default` and `all` → none and 0. */
function splitPrefix(text: string, family: 4 | 6): [bytes: Buffer | undefined, length: number] {
  if (text === 'default' || text === 'all') return [undefined, 0]
  const [address = '', length] = text.split('/')
  return [parseIP(address), length === undefined ? (family === 4 ? 32 : 128) : Number(length)]
}

/** Whole addresses without length, as ip(8) lists them. */
function prefixText(bytes: Buffer | undefined, length: number, none: string): string {
  if (bytes === undefined) return none
  return length === bytes.length * 8 ? formatIP(bytes) : `${formatIP(bytes)}/${length}`
}

function word(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type)
  return value === undefined ? undefined : u32(value, 0)
}
