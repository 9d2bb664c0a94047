/** The system's congestion control: the same sysctl on every kernel, other modules. */
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import { listed, type Problem } from '../problem.js'
import type { Resource } from '../resource.js'

const SYSCTL = 'net.ipv4.tcp_congestion_control'
export const CONGESTION_SYSCTLS = [SYSCTL]

/** Where the out-of-tree kernel's coupled ones are; all others are in `tcp_NAME`. */
const MODULES: Readonly<Record<string, string>> = {
  lia: 'mptcp_coupled',
  olia: 'mptcp_olia',
  balia: 'mptcp_balia',
  wvegas: 'mptcp_wvegas',
}

export const congestionModule = (name: string): string => MODULES[name] ?? `tcp_${name}`

/** Named always, also when loaded: a description does not depend on whether it was applied before. */
export function moduleResources(name: string, facts: Pick<HostFacts, 'modules'>, why: string): Resource[] {
  return facts.modules.includes(name) ? [{ kind: 'module', name, why }] : []
}

export function congestionResources({ mptcp }: HostConfig, facts: HostFacts): Resource[] {
  const { congestion } = mptcp
  if (congestion === undefined) return []
  return [
    ...moduleResources(congestionModule(congestion), facts, `has the congestion control ${congestion}`),
    { kind: 'sysctl', name: SYSCTL, value: congestion, why: 'congestion control of every subflow' },
  ]
}

export function congestionProblems({ mptcp }: HostConfig, facts: HostFacts): Problem[] {
  const { congestion } = mptcp
  if (congestion === undefined) return []
  const path = 'host.mptcp.congestion'
  const { available, allowed, current } = facts.congestion
  if (!available.includes(congestion) && !facts.modules.includes(congestionModule(congestion))) {
    const coupled = congestion in MODULES && facts.flavour !== 'out-of-tree'
    const reason = coupled ? '; coupled ones are in out-of-tree kernels only' : ''
    return [
      {
        path,
        text: `expected a congestion control of this kernel (${listed(available)}), found ${congestion}${reason}`,
      },
    ]
  }
  if (facts.initialNamespace || congestion === current || allowed.includes(congestion)) return []
  return [
    {
      path,
      text: `expected one that may be set in this network namespace (${listed(allowed)}), found ${congestion}; put it into net.ipv4.tcp_allowed_congestion_control of the machine, or set congestion at the services`,
    },
  ]
}
