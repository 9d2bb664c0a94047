/** What is set stays set: `mptk apply` once more at every boot, where systemd runs. */
import type { HostFacts } from '../facts.js'
import type { BootResource } from '../resource.js'
import type { HostedConfig } from './part.js'

/** As a generated unit of the same purpose is called: one host has the one or the other. */
const NAME = 'mptk-host'

/** @param configFile absolute path on the host it is for */
export function bootResources(
  { host }: HostedConfig,
  { systemd, mptk, state }: HostFacts,
  configFile: string,
): BootResource[] {
  if (!systemd || host.manager === 'none') return []
  const argv = [...mptk, 'apply', '--at-boot', '--config', configFile, '--state', state]
  return [{ kind: 'boot', name: NAME, why: 'most of what is set here is gone after a boot', argv, state }]
}
