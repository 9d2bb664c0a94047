/** The service that runs the configuration's services: `mptk run`, as a unit or a process. */
import type { HostConfig } from '../../src/config/host.js'
import type { ServiceConfig } from '../../src/config/schema.js'
import { defaultState } from '../engine-place.js'
import type { HostFacts } from '../facts.js'
import type { ServiceResource } from '../resource.js'
import { serviceCapabilities } from './service-capabilities.js'
import { listensOf } from './listens.js'
import { leftByUplinks } from '../uplinks/numbers.js'
import type { HostedConfig } from './part.js'

export const SERVICE_NAME = 'mptk'

/** @param configFile absolute path where the service finds it */
export function mptkService(config: HostedConfig, facts: HostFacts, configFile: string): ServiceResource {
  return {
    kind: 'service',
    name: SERVICE_NAME,
    why: `runs ${config.services.map(({ name, type }) => name ?? type).join(', ')}`,
    argv: [...facts.mptk, 'run', '--config', configFile, ...journalOption(facts)],
    listens: listensOf(config),
    restartOn: [configFile, ...new Set(config.services.flatMap(filesOf).map(({ file }) => file))],
    capabilities: serviceCapabilities(config, facts),
    ...(hasOwnUser(config, facts) ? { ownUser: true } : {}),
    leaves: leftByUplinks(config.host, facts.flavour),
    ...managed(config.host),
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

/** Files that a service reads at its start, with the key that names each. */
export function filesOf(service: ServiceConfig): { key: string; file: string }[] {
  const found: { key: string; file: string }[] = []
  if ('usersFile' in service && service.usersFile !== undefined) {
    found.push({ key: 'usersFile', file: service.usersFile })
  }
  if ('upstream' in service && service.upstream?.passwordFile !== undefined) {
    found.push({ key: 'upstream.passwordFile', file: service.upstream.passwordFile })
  }
  return found
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
