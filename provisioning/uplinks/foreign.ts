/** Endpoints that somebody else set for an address of an uplink: the kernel takes none twice. */
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import type { Resource } from '../resource.js'
import { ENDPOINT_IDS } from './numbers.js'

export type ForeignEndpoint = HostFacts['endpoints'][number]

/** Those whose id is none of ours. */
export function foreignEndpoints(
  { numbers }: HostConfig,
  endpoints: HostFacts['endpoints'],
): ForeignEndpoint[] {
  // the kernel makes implicit ones by itself and gives them up for others
  return endpoints.filter(
    ({ id, flags }) =>
      (id < numbers.endpoint || id >= numbers.endpoint + ENDPOINT_IDS) && !flags.includes('implicit'),
  )
}

/** Without the endpoints that somebody else has already: theirs stay as they are. */
export function withoutForeign(
  resources: readonly Resource[],
  foreign: readonly ForeignEndpoint[],
): { resources: Resource[]; warnings: string[] } {
  const warnings: string[] = []
  const kept = resources.filter((resource) => {
    if (resource.kind !== 'endpoint' || resource.port !== undefined) return true
    const other = foreign.find(({ address }) => address === resource.address)
    if (other === undefined) return true
    warnings.push(
      `endpoint ${resource.address} is set already, by somebody else (id ${other.id}, ${other.flags.join(' ') || 'no flags'}): it is left as it is, so that ${resource.uplink ?? 'it'} is not ${resource.flags.join(' ')}; to leave it to mptk: ip mptcp endpoint delete id ${other.id}`,
    )
    return false
  })
  return { resources: kept, warnings }
}
