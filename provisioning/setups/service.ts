/** The services of mptk itself: `mptk run`, as a unit or a process, and `mptk keep` beside it. */
import { basename, dirname } from 'node:path'
import type { HostConfig } from '../../src/config/host.js'
import { filesOf } from '../../src/config/named-files.js'
import { defaultState } from '../engine-place.js'
import type { HostFacts } from '../facts.js'
import { KEEP_FILE } from '../keep/state-file.js'
import type { LeftBehind, ServiceResource } from '../resource.js'
import { serviceCapabilities } from './service-capabilities.js'
import { listensOf } from './listens.js'
import { leftByUplinks } from '../uplinks/numbers.js'
import type { HostedConfig } from './part.js'

export const SERVICE_NAME = 'mptk'
const KEEPER_NAME = 'mptk-keep'

/**
 * Where systemd runs, what has listeners is a user of its own, and what must be root to keep the
 * host as it was applied is a service without any.
 * @param configFile absolute path where the services find it
 */
export function mptkServices(config: HostedConfig, facts: HostFacts, configFile: string): ServiceResource[] {
  const { host, services } = config
  const leaves = leftByUplinks(host, facts.flavour)
  const service: ServiceResource = {
    kind: 'service',
    name: SERVICE_NAME,
    why: `runs ${services.map(({ name, type }) => name ?? type).join(', ')}`,
    argv: [...facts.mptk, 'run', '--config', configFile],
    listens: listensOf(config),
    restartOn: [configFile, ...new Set(services.flatMap(filesOf).map(({ file }) => file))],
    capabilities: serviceCapabilities(config, facts, hasKeeper(config, facts)),
    ...managed(host),
  }
  if (!hasKeeper(config, facts)) {
    return [{ ...service, argv: [...service.argv, ...journalOption(facts)], leaves }]
  }
  const kept: ServiceResource = {
    ...service,
    argv: [...service.argv, '--kept-by', KEEP_FILE],
    after: [KEEPER_NAME],
    ...(hasOwnUser(config, facts) ? { ownUser: true } : {}),
  }
  return [keeper(facts, configFile, leaves), kept]
}

function hasKeeper({ host }: HostedConfig, { systemd }: HostFacts): boolean {
  return systemd && host.manager !== 'none'
}

function keeper(facts: HostFacts, configFile: string, leaves: readonly LeftBehind[]): ServiceResource {
  return {
    kind: 'service',
    name: KEEPER_NAME,
    why: 'keeps uplinks, rules and settings as they were applied',
    argv: [...facts.mptk, 'keep', '--config', configFile, '--state', KEEP_FILE, ...journalOption(facts)],
    listens: [],
    restartOn: [configFile],
    capabilities: ['CAP_NET_ADMIN'],
    writesSysctls: true,
    runtimeFolder: basename(dirname(KEEP_FILE)),
    leaves,
  }
}

/** Where the keepers find what is applied, unless that is where they look anyway. */
export function journalOption({ state }: Pick<HostFacts, 'state'>): string[] {
  return state === defaultState() ? [] : ['--journal', state]
}

/** What runs a service, where it is not for systemd to do. */
export function managed({ manager }: HostConfig): Pick<ServiceResource, 'manager'> {
  return manager === 'none' ? { manager } : {}
}

/** Where systemd runs it and can give it one. */
export function hasOwnUser({ host }: HostedConfig, { systemd, whyNoOwnUser }: HostFacts): boolean {
  return systemd && host.manager !== 'none' && whyNoOwnUser === undefined
}

/** Why the service is root though it need not be. */
export function ownUserWarnings(config: HostedConfig, facts: HostFacts): string[] {
  if (!facts.systemd || config.host.manager === 'none' || facts.whyNoOwnUser === undefined) return []
  return [`the service runs as root, with its capabilities alone: ${facts.whyNoOwnUser}`]
}
