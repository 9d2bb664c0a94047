/** `host.uplinks` against the interfaces there are. */
import { familyOf, PrefixSet } from '../../src/address.js'
import type { HostConfig, UplinkConfig } from '../../src/config/host.js'
import type { HostFacts, InterfaceFacts } from '../facts.js'
import { listed, type Problem } from '../problem.js'
import { announcedEndpoints } from '../setups/announced.js'
import type { HostedConfig } from '../setups/part.js'
import { foreignEndpoints } from '../uplinks/foreign.js'
import { MOST_UPLINKS } from '../uplinks/numbers.js'
import { exitsOf, uplinkResources } from '../uplinks/resources.js'
import { distinct, type Claims } from '../uplinks/twins.js'

/** Endpoints that the kernel holds (MPTCP_PM_ADDR_MAX). */
const MOST_ENDPOINTS = 8

interface Uplink {
  name: string
  config: UplinkConfig
  facts: InterfaceFacts
}

export function uplinkProblems(config: HostedConfig, facts: HostFacts): Problem[] {
  const { host } = config
  const names = Object.keys(host.uplinks)
  if (names.length > MOST_UPLINKS) {
    return [{ path: 'host.uplinks', text: `expected at most ${MOST_UPLINKS}, found ${names.length}` }]
  }
  const missing = names.flatMap((name) => interfaceProblem(`host.uplinks.${name}`, name, facts))
  const uplinks = uplinksOf(host, facts)
  return [
    ...missing,
    ...uplinks.flatMap(wayOutProblem),
    ...twinProblems(uplinks),
    ...endpointProblems(config, facts),
  ]
}

export function uplinkWarnings(host: HostConfig, facts: HostFacts): string[] {
  const uplinks = uplinksOf(host, facts)
  const warnings = uplinks
    .filter(({ facts: { up, carrier } }) => !up || !carrier)
    .map(
      ({ name, facts: { up } }) =>
        `host.uplinks.${name}: the interface is ${up ? 'without carrier' : 'down'}: mptk run takes it up when it comes`,
    )
  const paths = uplinks.filter(({ config, facts: { up, carrier } }) => up && carrier && config.role !== 'off')
  if (host.mptcp.pathManager === 'fullmesh' && host.mptcp.limits.subflows < paths.length - 1) {
    warnings.push(
      `host.mptcp.limits.subflows: ${host.mptcp.limits.subflows} leaves some of ${paths.length} uplinks without a subflow`,
    )
  }
  return warnings
}

/** Of an interface that a key names. */
export function interfaceProblem(path: string, name: string, { interfaces }: HostFacts): Problem[] {
  const found = interfaces.find((each) => each.name === name)
  if (found === undefined) {
    const there = interfaces.map((each) => each.name).join(', ')
    return [{ path, text: `expected an interface of this host (${there}), found none of that name` }]
  }
  return found.loopback ? [{ path, text: `expected an interface to a network, found loopback ${name}` }] : []
}

function uplinksOf({ uplinks }: HostConfig, { interfaces }: HostFacts): Uplink[] {
  return Object.entries(uplinks).flatMap(([name, config]) => {
    const facts = interfaces.find((each) => each.name === name)
    return facts === undefined || facts.loopback || config.role === 'off' ? [] : [{ name, config, facts }]
  })
}

/** One that is down may have lost its address and gateway with that. */
function wayOutProblem({ name, config, facts }: Uplink): Problem[] {
  const path = `host.uplinks.${name}`
  if (!facts.up || !facts.carrier) return []
  if (facts.addresses.length === 0) {
    return [{ path, text: 'expected an interface with an IP address, found none but link-local ones' }]
  }
  const stray = config.gateway?.find((gateway) => !reaches(facts, gateway))
  if (stray !== undefined) {
    return [
      {
        path: `${path}.gateway`,
        text: `expected an address in a network of ${name} (${networks(facts)}), found ${stray}`,
      },
    ]
  }
  if (exitsOf(config, facts).length > 0) return []
  return [
    {
      path,
      text: `expected a default route over ${name} or the key gateway, found neither for ${listed(facts.addresses.map(({ address }) => address))}`,
    },
  ]
}

function networks({ addresses }: InterfaceFacts): string {
  return addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(', ')
}

function reaches({ addresses }: InterfaceFacts, gateway: string): boolean {
  const family = familyOf(gateway)
  const own = addresses.filter((each) => each.family === family)
  if (own.length === 0) return false
  // a next hop beyond a host route is reached over the interface all the same
  if (own.some(({ prefixLength }) => prefixLength === (family === 4 ? 32 : 128))) return true
  const near = new PrefixSet(own.map(({ address, prefixLength }) => `${address}/${prefixLength}`))
  return near.has(gateway) || new PrefixSet(['fe80::/10']).has(gateway)
}

/** Rules and endpoints go by address: two in one subnet are told apart, two with the same address are not. */
function twinProblems(uplinks: readonly Uplink[]): Problem[] {
  const claims: Claims = new Map()
  return uplinks.flatMap(({ name, facts }) => {
    const { twin } = distinct(name, facts, claims)
    if (twin === undefined) return []
    return [
      {
        path: `host.uplinks.${name}`,
        text: `expected an address of its own, found ${twin.address}, which ${twin.of} has too: have one of the two modems give out another network`,
      },
    ]
  })
}

/** Counted as if every uplink were up: otherwise the last to come would find no place. */
function endpointProblems(config: HostedConfig, facts: HostFacts): Problem[] {
  const { host } = config
  const ours = Object.keys(host.uplinks).flatMap((name, index) => {
    const found = facts.interfaces.find((each) => each.name === name)
    if (found === undefined) return []
    const up = { ...found, up: true, carrier: true }
    return uplinkResources(host, { name, index }, up, facts.flavour).flatMap((resource) =>
      resource.kind === 'endpoint' ? [resource.address] : [],
    )
  })
  const announced = announcedEndpoints(config, facts).map(({ address }) => address)
  const others = foreignEndpoints(host, facts.endpoints).map(({ address }) => address)
  const total = new Set([...ours, ...announced, ...others]).size
  if (total <= MOST_ENDPOINTS) return []
  return [
    {
      path: announced.length > 0 ? 'host.publicAddresses' : 'host.uplinks',
      text: `expected at most ${MOST_ENDPOINTS} endpoints, as many as the kernel holds, found ${total}: ${ours.length} of uplinks, ${announced.length} announced, ${others.length} of somebody else`,
    },
  ]
}
