/** Addresses of a server that clients are told of (ADD_ADDR), so that they open subflows to all of them. */
import { plainAddress } from '../../src/address.js'
import type { HostFacts } from '../facts.js'
import type { EndpointResource } from '../resource.js'
import { announcedId } from '../uplinks/numbers.js'
import type { HostedConfig } from './part.js'

/** What clients reach the services by: `publicAddresses`, else the listeners' own. */
export function publicAddresses({ host, services }: HostedConfig, facts: HostFacts): string[] {
  if (host.publicAddresses.length > 0) return host.publicAddresses
  const listeners = services.flatMap(({ listen }) => listen.map(({ address }) => plainAddress(address)))
  const own = facts.interfaces.flatMap((each) => (each.loopback ? [] : each.addresses))
  return own
    .filter(({ family, address }) => {
      const any = family === 4 ? ['0.0.0.0', '::'] : ['::']
      return [...any, plainAddress(address)].some((each) => listeners.includes(each))
    })
    .map(({ address }) => address)
}

/** None for a single address: it is the one that clients came to. Uplinks announce theirs themselves where told to. */
export function announcedEndpoints(config: HostedConfig, facts: HostFacts): EndpointResource[] {
  const { host } = config
  if (facts.flavour !== 'upstream' || host.setup !== 'reverse' || host.mptcp.announce) return []
  const addresses = publicAddresses(config, facts)
  if (addresses.length < 2) return []
  return addresses.map((address, order) => ({
    kind: 'endpoint',
    why: 'clients that came by another address find this one',
    id: announcedId(host.numbers, order),
    address,
    flags: ['signal'],
  }))
}
