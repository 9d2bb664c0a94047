/** Forwarding between the interfaces of a router and no others. */
import type { HostFacts } from '../facts.js'
import type { SysctlResource } from '../resource.js'
import { IPV6_FORWARDING } from './sysctls.js'

/**
 * IPv4 has a switch for each interface; the global one would reset settings of all others. IPv6
 * has one since Linux 6.17 (`force_forwarding`); before it there is only the global one, with
 * which an interface no longer takes addresses and routes from router advertisements unless
 * `accept_ra` is 2.
 */
export function forwardingSysctls(
  uplinks: readonly string[],
  lan: readonly string[],
  { sysctls }: HostFacts,
): SysctlResource[] {
  const all = [...lan, ...uplinks]
  return [...all.map((name) => ipv4(name)), ...ipv6(uplinks, all, sysctls)].filter(({ name }) =>
    sysctls.has(name),
  )
}

/** As sysctl(8) has it: a dot in a name is written as a slash. */
export function sysctlPart(name: string): string {
  return name.replaceAll('.', '/')
}

function ipv4(name: string): SysctlResource {
  return {
    kind: 'sysctl',
    name: `net.ipv4.conf.${sysctlPart(name)}.forwarding`,
    value: '1',
    why: `packets that come in by ${name} may be forwarded`,
  }
}

function ipv6(
  uplinks: readonly string[],
  all: readonly string[],
  sysctls: HostFacts['sysctls'],
): SysctlResource[] {
  const forced = all.map((name) => `net.ipv6.conf.${sysctlPart(name)}.force_forwarding`)
  if (forced.every((name) => sysctls.has(name))) {
    return forced.map((name, index) => ({
      kind: 'sysctl',
      name,
      value: '1',
      why: `IPv6 packets that come in by ${all[index] ?? ''} may be forwarded`,
    }))
  }
  return [
    ...uplinks.map((name) => ({
      kind: 'sysctl' as const,
      name: `net.ipv6.conf.${sysctlPart(name)}.accept_ra`,
      value: '2',
      why: `${name} keeps its address and route from router advertisements while forwarding is on`,
    })),
    { kind: 'sysctl', name: IPV6_FORWARDING, value: '1', why: 'IPv6 of the LAN is forwarded' },
  ]
}
