/**
 * What cannot be is refused before anything is changed: every check that needs nothing but the
 * description and the facts, so that a plan that was shown is one that can be applied.
 */
import { MptkError } from '../src/errors.js'
import { setupProblems } from './checks/setup.js'
import { uplinkProblems, uplinkWarnings } from './checks/uplinks.js'
import { numbersProblems } from './checks/numbers.js'
import { serviceProblems } from './checks/services.js'
import type { HostFacts } from './facts.js'
import { kernelProblems } from './kernels/kernel.js'
import { problemLine, type Problem } from './problem.js'
import type { HostedConfig } from './setups/part.js'

/**
 * @param others problems found elsewhere, told together with those found here
 * @returns warnings @throws {MptkError} MPTK_HOST with a line for each problem, in the order of the description's keys
 */
export function checkHost(config: HostedConfig, facts: HostFacts, others: readonly Problem[] = []): string[] {
  const problems = [...hostProblems(config, facts), ...others]
  if (problems.length > 0) throw new MptkError('MPTK_HOST', problems.map(problemLine).join('\n'))
  return uplinkWarnings(config.host, facts)
}

/** All of them. */
export function hostProblems(config: HostedConfig, facts: HostFacts): Problem[] {
  const { host } = config
  return [
    ...setupProblems(config, facts),
    ...uplinkProblems(config, facts),
    ...misplacedKeys(config),
    ...kernelProblems(host, facts),
    ...sysctlProblems(config, facts),
    ...numbersProblems(host, facts),
    ...managerProblems(config, facts),
    ...serviceProblems(config, facts),
  ]
}

/** Keys that only mean something beside another one. */
function misplacedKeys({ host: { mptcp } }: HostedConfig): Problem[] {
  const only = (key: string, pathManager: string, value: unknown): Problem[] =>
    value === undefined || mptcp.pathManager === pathManager
      ? []
      : [
          {
            path: `host.mptcp.${key}`,
            text: `expected only with pathManager: ${pathManager}, found it with ${mptcp.pathManager}`,
          },
        ]
  return [
    ...only('subflowsPerConnection', 'ndiffports', mptcp.subflowsPerConnection),
    ...only('binderGateways', 'binder', mptcp.binderGateways),
  ]
}

function sysctlProblems({ host }: HostedConfig, { sysctls }: HostFacts): Problem[] {
  return Object.keys(host.sysctls)
    .filter((name) => !sysctls.has(name))
    .map((name) => ({
      path: `host.sysctls.${name}`,
      text: 'expected a sysctl of this host, found none of that name',
    }))
}

function managerProblems({ host }: HostedConfig, { systemd }: HostFacts): Problem[] {
  if (host.manager !== 'systemd' || systemd) return []
  return [{ path: 'host.manager', text: 'expected auto or none where systemd does not run, found systemd' }]
}
