/** `host.mptcp` in the words of the kernel there is: one file for each. */
import type { HostConfig } from '../../src/config/host.js'
import type { Config } from '../../src/config/schema.js'
import { WANTED_MODULE } from '../../src/kernel/automatic-congestion.js'
import type { HostFacts } from '../facts.js'
import type { Problem } from '../problem.js'
import type { Resource } from '../resource.js'
import {
  automaticResources,
  automaticWarnings,
  CONGESTION_SYSCTLS,
  congestionModule,
  leavesChoice,
} from './congestion.js'
import {
  OUT_OF_TREE_PATH_MANAGERS,
  OUT_OF_TREE_SCHEDULERS,
  OUT_OF_TREE_SYSCTLS,
  outOfTreeProblems,
  outOfTreeResources,
  pathManagerModule,
  schedulerModule,
} from './out-of-tree.js'
import { TCP_ONLY_WARNING, tcpOnlyProblems, tcpOnlyResources } from './tcp-only.js'
import { UPSTREAM_SYSCTLS, upstreamProblems, upstreamResources } from './upstream.js'

export function kernelResources(config: Config & { host: HostConfig }, facts: HostFacts): Resource[] {
  return [...mptcpResources(config.host, facts), ...automaticResources(config, facts)]
}

function mptcpResources(host: HostConfig, facts: HostFacts): Resource[] {
  switch (facts.flavour) {
    case 'upstream':
      return upstreamResources(host, facts)
    case 'out-of-tree':
      return outOfTreeResources(host, facts)
    case 'tcp-only':
      return tcpOnlyResources(host, facts)
  }
}

export function kernelProblems(host: HostConfig, facts: HostFacts): Problem[] {
  switch (facts.flavour) {
    case 'upstream':
      return upstreamProblems(host, facts)
    case 'out-of-tree':
      return outOfTreeProblems(host, facts)
    case 'tcp-only':
      return tcpOnlyProblems(host, facts)
  }
}

export function kernelWarnings(config: Config, facts: HostFacts): string[] {
  return [...(facts.flavour === 'tcp-only' ? [TCP_ONLY_WARNING] : []), ...automaticWarnings(config, facts)]
}

/** Every sysctl and module parameter that some kernel's resources may name. */
export const KERNEL_SYSCTLS: readonly string[] = [
  ...UPSTREAM_SYSCTLS,
  ...OUT_OF_TREE_SYSCTLS,
  ...CONGESTION_SYSCTLS,
]

/** Modules that some kernel's resources may name, or whose presence says what it has. */
export function kernelModules({ host: { mptcp }, ...config }: Config & { host: HostConfig }): string[] {
  return [
    ...(leavesChoice(config) ? [WANTED_MODULE] : []),
    ...(mptcp.congestion === undefined ? [] : [congestionModule(mptcp.congestion)]),
    ...OUT_OF_TREE_SCHEDULERS.map(schedulerModule),
    ...OUT_OF_TREE_PATH_MANAGERS.map(pathManagerModule),
  ]
}
