/** The system's congestion control, and the one that services choose by themselves: the same on every kernel, other modules. */
import type { HostConfig } from '../../src/config/host.js'
import type { Config, ServiceConfig } from '../../src/config/schema.js'
import { WANTED, WANTED_MODULE } from '../../src/kernel/automatic-congestion.js'
import { AUTOMATIC } from '../../src/kernel/kernel.js'
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

/** True when some MPTCP socket of the services has `congestion: auto`. */
export function leavesChoice({ services }: Pick<Config, 'services'>): boolean {
  return services.some((service) => socketsOf(service).some(isAutomatic))
}

interface SocketKeys {
  transport: 'mptcp' | 'tcp'
  congestion: string
}

function socketsOf(service: ServiceConfig): SocketKeys[] {
  if (service.type === 'path-test') return [{ transport: 'mptcp', congestion: AUTOMATIC }]
  const upstream = 'upstream' in service ? service.upstream : undefined
  return [service, service.egress, ...(upstream === undefined ? [] : [upstream])]
}

function isAutomatic({ transport, congestion }: SocketKeys): boolean {
  return transport === 'mptcp' && congestion === AUTOMATIC
}

/** Only in the initial network namespace: a container may not load modules, and takes what the machine has. */
export function automaticResources(config: Config, facts: HostFacts): Resource[] {
  if (!leavesChoice(config) || !facts.initialNamespace) return []
  return moduleResources(WANTED_MODULE, facts, `has ${WANTED}, which MPTCP sockets take by congestion: auto`)
}

export function automaticWarnings(config: Config, { congestion, modules, flavour }: HostFacts): string[] {
  if (flavour === 'tcp-only' || !leavesChoice(config)) return []
  if (congestion.available.includes(WANTED) || modules.includes(WANTED_MODULE)) return []
  return [
    `this kernel has no ${WANTED} (CONFIG_TCP_CONG_BBR; on OpenWrt the package kmod-tcp-bbr): MPTCP sockets with congestion: auto keep ${congestion.current}, with which several lines can be slower than the best of them`,
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
