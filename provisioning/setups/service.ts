/** The service that runs the configuration's services: `mptk run`, as a unit or a process. */
import type { HostConfig } from '../../src/config/host.js'
import type { Config, ServiceConfig } from '../../src/config/schema.js'
import { defaultState } from '../engine-place.js'
import type { HostFacts } from '../facts.js'
import type { ServiceResource } from '../resource.js'
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
    capabilities: capabilities(config),
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

function listensOf({ services, status }: Config): ServiceResource['listens'] {
  const sockets = [
    ...services.flatMap(({ listen }) => listen),
    ...(status === undefined ? [] : [status.listen]),
  ]
  // port 0 is the kernel's choice: nobody knows it before
  return sockets.filter(({ port }) => port !== 0).map((each) => ({ protocol: 'tcp' as const, ...each }))
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

/**
 * CAP_NET_ADMIN: endpoints and rules of live uplinks, socket marks, congestion controls that are
 * not for everybody, TPROXY. CAP_NET_BIND_SERVICE: ports below 1024.
 */
function capabilities(config: Config): string[] {
  const low = listensOf(config).some(({ port }) => port < 1024)
  return ['CAP_NET_ADMIN', ...(low ? ['CAP_NET_BIND_SERVICE'] : [])]
}
