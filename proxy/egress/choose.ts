import { familyOf, type Destination } from '../../src/address.js'
import type { UpstreamForConfig } from '../../src/config/service.js'
import { DestinationPatterns } from '../rules/destinations.js'

/**
 * Which destinations go through the upstream. Nothing is looked up to decide: prefixes match
 * literal addresses, names match names as the client said them.
 */
export function goesThroughUpstream({
  policy,
  destinations,
}: UpstreamForConfig): (destination: Destination) => boolean {
  if (policy === 'all') return () => true
  const patterns = new DestinationPatterns(destinations ?? [])
  return ({ host }) => {
    const listed = patterns.matches(host, familyOf(host) === 0 ? undefined : host) === true
    return listed === (policy === 'only')
  }
}
