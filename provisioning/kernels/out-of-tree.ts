/** The out-of-tree kernel of multipath-tcp.org: everything by sysctls, module parameters and interface flags. */
import type { HostConfig, UplinkRole } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import { listed, type Problem } from '../problem.js'
import type { Resource, SysctlResource } from '../resource.js'
import { congestionProblems, congestionResources, moduleResources } from './congestion.js'

const ENABLED = 'net.mptcp.mptcp_enabled'
const PATH_MANAGER = 'net.mptcp.mptcp_path_manager'
const SCHEDULER = 'net.mptcp.mptcp_scheduler'
const BINDER_GATEWAYS = 'net.mptcp.mptcp_binder_gateways'
const NDIFFPORTS_SUBFLOWS = 'module/mptcp_ndiffports/num_subflows'
const FULLMESH_SUBFLOWS = 'module/mptcp_fullmesh/num_subflows'
const FULLMESH_AFTER_ERROR = 'module/mptcp_fullmesh/create_on_err'

export const OUT_OF_TREE_SYSCTLS = [
  ENABLED,
  PATH_MANAGER,
  SCHEDULER,
  BINDER_GATEWAYS,
  NDIFFPORTS_SUBFLOWS,
  FULLMESH_SUBFLOWS,
  FULLMESH_AFTER_ERROR,
]

export const OUT_OF_TREE_SCHEDULERS: readonly string[] = ['roundrobin', 'redundant', 'blest', 'ecf']
export const OUT_OF_TREE_PATH_MANAGERS: readonly string[] = ['fullmesh', 'ndiffports', 'binder', 'netlink']

const SCHEDULER_MODULES: Readonly<Record<string, string>> = { roundrobin: 'mptcp_rr' }
export const schedulerModule = (name: string): string => SCHEDULER_MODULES[name] ?? `mptcp_${name}`
export const pathManagerModule = (name: string): string => `mptcp_${name}`

export function outOfTreeResources(host: HostConfig, facts: HostFacts): Resource[] {
  const { pathManager } = host.mptcp
  return [
    ...(pathManager === 'default'
      ? []
      : moduleResources(pathManagerModule(pathManager), facts, `has the path manager ${pathManager}`)),
    ...parameters(host),
    sysctl(ENABLED, '1', 'every TCP socket may speak MPTCP'),
    sysctl(PATH_MANAGER, pathManager, 'opens the further subflows of a connection'),
    ...scheduler(host, facts),
    ...congestionResources(host, facts),
    ...Object.entries(host.uplinks).map(([device, { role }]) => multipathFlag(device, role)),
  ]
}

function sysctl(name: string, value: string, why: string): SysctlResource {
  return { kind: 'sysctl', name, value, why }
}

/** Before the path manager itself: connections take them as they are when they begin. */
function parameters({ mptcp }: HostConfig): SysctlResource[] {
  switch (mptcp.pathManager) {
    case 'default':
      return []
    case 'fullmesh':
      return [
        sysctl(FULLMESH_SUBFLOWS, '1', 'one subflow for each pair of addresses'),
        sysctl(FULLMESH_AFTER_ERROR, '1', 'subflows that broke off are opened again'),
      ]
    case 'ndiffports':
      return [
        sysctl(
          NDIFFPORTS_SUBFLOWS,
          String(mptcp.subflowsPerConnection ?? 2),
          'subflows of a connection over the same path',
        ),
      ]
    case 'binder':
      // commas would make one path through all of them
      return [
        sysctl(BINDER_GATEWAYS, (mptcp.binderGateways ?? []).join('-'), 'a subflow through each gateway'),
      ]
  }
}

function scheduler({ mptcp }: HostConfig, facts: HostFacts): Resource[] {
  const { scheduler: name } = mptcp
  if (name === undefined) return []
  return [
    ...moduleResources(schedulerModule(name), facts, `has the scheduler ${name}`),
    sysctl(SCHEDULER, name, 'chooses the subflow of each segment'),
  ]
}

const FLAGS = { normal: 'on', backup: 'backup', metered: 'backup', off: 'off' } as const

/** Not of the live uplinks: the flag is the interface's, with or without an address. */
function multipathFlag(device: string, role: UplinkRole): Resource {
  return { kind: 'multipath-flag', device, value: FLAGS[role], why: `${device} is ${role}` }
}

export function outOfTreeProblems(host: HostConfig, facts: HostFacts): Problem[] {
  return [
    ...nameProblem('pathManager', host.mptcp.pathManager, pathManagerModule, facts.pathManagers, facts),
    ...nameProblem('scheduler', host.mptcp.scheduler, schedulerModule, facts.schedulers, facts),
    ...congestionProblems(host, facts),
    ...binderProblems(host),
  ]
}

function nameProblem(
  key: 'pathManager' | 'scheduler',
  wanted: string | undefined,
  moduleOf: (name: string) => string,
  { available }: { available: string[] },
  { modules }: HostFacts,
): Problem[] {
  if (wanted === undefined || wanted === 'default') return []
  if (available.includes(wanted) || modules.includes(moduleOf(wanted))) return []
  return [
    {
      path: `host.mptcp.${key}`,
      text: `expected one of this kernel (${listed(available)}) or one whose module can be loaded, found ${wanted}`,
    },
  ]
}

function binderProblems({ mptcp }: HostConfig): Problem[] {
  if (mptcp.pathManager !== 'binder' || mptcp.binderGateways !== undefined) return []
  return [
    {
      path: 'host.mptcp.binderGateways',
      text: 'expected the gateways that binder goes through, found nothing',
    },
  ]
}
