/**
 * What one uplink comes to: pure. `mptk apply` asks it once, `mptk run` again whenever the
 * interface changes.
 */
import type { HostConfig, UplinkConfig } from '../../src/config/host.js'
import { familyOf } from '../../src/address.js'
import type { EndpointFlag, Flavour } from '../../src/kernel/kernel.js'
import type { InterfaceFacts } from '../facts.js'
import type { Resource, RuleResource } from '../resource.js'
import { networkOf } from './network.js'
import {
  endpointId,
  lanMainPriority,
  lanUplinkPriority,
  MAIN_TABLE,
  sourcePriorities,
  uplinkTable,
} from './numbers.js'

export interface UplinkPlace {
  /** Its interface. */
  name: string
  /** Its order in `host.uplinks`, from 0. */
  index: number
}

export type UplinkFacts = Pick<InterfaceFacts, 'addresses' | 'gateways' | 'up' | 'carrier'>

/** One way out of an uplink: its first global address of a family, and the next hop, null for none needed. */
export interface Exit {
  family: 4 | 6
  address: string
  prefixLength: number
  gateway: string | null
}

/** The configured gateway counts before the host's own; a family without either has no way out. */
export function exitsOf(uplink: UplinkConfig, facts: Pick<InterfaceFacts, 'addresses' | 'gateways'>): Exit[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = facts.addresses.find((each) => each.family === family)
    const given = uplink.gateway?.find((each) => familyOf(each) === family)
    const gateway = given ?? facts.gateways[family]
    return own === undefined || gateway === undefined ? [] : [{ ...own, gateway }]
  })
}

/**
 * Nothing for an uplink that is off, down or without a way out: taking away what was there before
 * is what moves live connections off it at once.
 */
export function uplinkResources(
  host: HostConfig,
  uplink: UplinkPlace,
  facts: UplinkFacts,
  flavour: Flavour = 'upstream',
): Resource[] {
  const config = host.uplinks[uplink.name]
  if (config === undefined || config.role === 'off' || !facts.up || !facts.carrier) return []
  return exitsOf(config, facts).flatMap((exit) => [
    table(host, uplink, exit),
    ...rules(host, uplink, exit),
    ...lanRules(host, { ...uplink, role: config.role }, exit),
    ...endpoint(host, config, uplink, exit, flavour),
  ])
}

function table(host: HostConfig, { name, index }: UplinkPlace, exit: Exit): Resource {
  const { family, address, prefixLength, gateway } = exit
  const whole = prefixLength === (family === 4 ? 32 : 128)
  return {
    kind: 'route-table',
    why: `what leaves from ${address} goes out of ${name}`,
    uplink: name,
    family,
    table: uplinkTable(host.numbers, index),
    routes: [
      ...(whole ? [] : [{ to: networkOf(address, prefixLength), device: name }]),
      { to: 'default', ...(gateway !== null && { via: gateway }), device: name },
    ],
  }
}

/**
 * The first rule keeps what the host knows a better way for than a default route, as its LAN, a
 * VPN or containers, on that way; only then the uplink's table counts.
 */
function rules(host: HostConfig, { name, index }: UplinkPlace, { family, address }: Exit): RuleResource[] {
  const priorities = sourcePriorities(host.numbers, index)
  return [
    {
      kind: 'rule',
      why: `networks that this host knows a route to stay on it, also from ${address}`,
      uplink: name,
      family,
      priority: priorities.main,
      from: address,
      table: MAIN_TABLE,
      suppressDefault: true,
    },
    {
      kind: 'rule',
      why: `what leaves from ${address} goes out of ${name}`,
      uplink: name,
      family,
      priority: priorities.own,
      from: address,
      table: uplinkTable(host.numbers, index),
    },
  ]
}

/**
 * What a router forwards for its LAN, all but the intercepted TCP, leaves by the best uplink: a
 * rule for each, so that the next one counts when a table is empty. Metered ones carry none of it.
 */
function lanRules(
  host: HostConfig,
  uplink: UplinkPlace & { role: UplinkConfig['role'] },
  { family }: Exit,
): RuleResource[] {
  if (host.lan === undefined || uplink.role === 'metered') return []
  return host.lan.interfaces.map((device, order) => ({
    kind: 'rule',
    why: `what is not TCP leaves ${device} by ${uplink.name}${uplink.role === 'backup' ? ' when no better uplink is there' : ''}`,
    uplink: uplink.name,
    family,
    priority: lanUplinkPriority(host.numbers, order, uplink),
    inputDevice: device,
    table: uplinkTable(host.numbers, uplink.index),
  }))
}

/** Of a router, whatever its uplinks are at: networks known better than by a default route come first. */
export function lanMainRules({ lan, numbers }: HostConfig): RuleResource[] {
  return (lan?.interfaces ?? []).flatMap((device, order) =>
    ([4, 6] as const).map((family) => ({
      kind: 'rule',
      why: `from ${device}, networks that this host knows a route to stay on it`,
      family,
      priority: lanMainPriority(numbers, order),
      inputDevice: device,
      table: MAIN_TABLE,
      suppressDefault: true,
    })),
  )
}

function endpoint(
  host: HostConfig,
  uplink: UplinkConfig,
  { name, index }: UplinkPlace,
  { family, address }: Exit,
  flavour: Flavour,
): Resource[] {
  // elsewhere path managers find the addresses by themselves
  const flags = flavour === 'upstream' ? endpointFlags(host, uplink) : []
  if (flags.length === 0) return []
  return [
    {
      kind: 'endpoint',
      why: flags.includes('subflow')
        ? `connections take ${name} as ${uplink.role === 'normal' ? 'a path' : `a ${uplink.role} path`}`
        : `peers are told that ${name} can be reached too`,
      uplink: name,
      id: endpointId(host.numbers, index, family),
      address,
      device: name,
      flags,
    },
  ]
}

/**
 * With `fullmesh` there is exactly one subflow from the uplink to every address of the peer;
 * without it, an address that the peer announces gets a single subflow from whichever uplink the
 * routing table prefers (seen on Linux 6.18). It cannot go together with `signal` (EINVAL), and
 * backup means the same to both.
 */
function endpointFlags({ mptcp }: HostConfig, { role }: UplinkConfig): EndpointFlag[] {
  // in the userspace path manager's hands endpoints have no effect
  if (mptcp.pathManager === 'ndiffports') return []
  const flags: EndpointFlag[] = mptcp.announce ? ['signal'] : []
  if (mptcp.pathManager === 'fullmesh') flags.push('subflow')
  if (mptcp.pathManager === 'fullmesh' && !mptcp.announce) flags.push('fullmesh')
  if (flags.length > 0 && role !== 'normal') flags.push('backup')
  return flags
}
