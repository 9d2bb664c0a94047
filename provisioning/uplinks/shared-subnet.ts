/**
 * Uplinks with addresses in one subnet, as modems of one make have, or two cards at one switch.
 * Source rules and tables tell them apart; ARP does not: by default Linux answers for any of its
 * addresses on any interface, and asks with any, so that what is for one comes in by the other.
 */
import { PrefixSet } from '../../src/address.js'
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts, InterfaceFacts } from '../facts.js'
import type { SysctlResource } from '../resource.js'
import { sysctlPart } from '../setups/forwarding.js'

/** Of each interface: answer for its own addresses alone, and ask with these. */
const ARP = { arp_ignore: '1', arp_announce: '2' } as const

export const SHARED_SUBNET_SYSCTLS = Object.keys(ARP).map((key) => `net.ipv4.conf.*.${key}`)

export function sharedSubnetSysctls({ uplinks }: HostConfig, facts: HostFacts): SysctlResource[] {
  const used = facts.interfaces.filter(({ name }) => (uplinks[name]?.role ?? 'off') !== 'off')
  const shared = used.filter((one) => used.some((other) => other !== one && sharesSubnet(one, other)))
  return shared.flatMap(({ name }) =>
    Object.entries(ARP)
      .map(([key, value]) => ({
        kind: 'sysctl' as const,
        name: `net.ipv4.conf.${sysctlPart(name)}.${key}`,
        value,
        why: `another uplink has an address in the subnet of ${name}: each answers for its own`,
      }))
      .filter((each) => facts.sysctls.has(each.name)),
  )
}

function sharesSubnet(one: InterfaceFacts, other: InterfaceFacts): boolean {
  const networks = (each: InterfaceFacts) =>
    each.addresses
      .filter(({ family }) => family === 4)
      .map(({ address, prefixLength }) => ({
        address,
        network: new PrefixSet([`${address}/${prefixLength}`]),
      }))
  return networks(one).some((a) =>
    networks(other).some((b) => a.network.has(b.address) || b.network.has(a.address)),
  )
}
