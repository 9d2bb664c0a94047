/** `host.setup` against what goes with it: uplinks, LAN, sites, services and programs. */
import { familyOf, isLoopback } from '../../src/address.js'
import type { HostConfig } from '../../src/config/host.js'
import type { ServiceConfig } from '../../src/config/schema.js'
import type { HostFacts } from '../facts.js'
import { listed, type Problem } from '../problem.js'
import type { HostedConfig } from '../setups/part.js'
import { transparentService } from '../setups/transparent.js'
import { MOST_LAN_INTERFACES } from '../uplinks/numbers.js'
import { interfaceProblem } from './uplinks.js'

export function setupProblems(config: HostedConfig, facts: HostFacts): Problem[] {
  const { host } = config
  return [
    ...neededServices(config),
    ...uplinksNeeded(host),
    ...lanProblems(host, facts),
    ...interceptProblems(config),
    ...reverseKeys(host),
    ...programProblems(host, facts),
  ]
}

interface Need {
  types: readonly string[]
  upstream: boolean
  what: string
}

const NEEDS: Readonly<Record<HostConfig['setup'], Need>> = {
  client: {
    types: ['socks5', 'connect'],
    upstream: true,
    what: 'a service of type socks5 or connect with an upstream, which is what programs here shall use',
  },
  router: {
    types: ['transparent'],
    upstream: true,
    what: "a service of type transparent with an upstream, which is what the LAN's TCP goes through",
  },
  reverse: {
    types: ['reverse-tcp', 'reverse-http'],
    upstream: false,
    what: 'a service of type reverse-tcp, which is what clients reach instead of the web servers',
  },
  proxy: {
    types: ['socks5', 'connect'],
    upstream: false,
    what: 'a service of type socks5, which is what clients and routers use',
  },
}

function neededServices({ host, services }: HostedConfig): Problem[] {
  const need = NEEDS[host.setup]
  const fits = (service: ServiceConfig): boolean =>
    need.types.includes(service.type) && (!need.upstream || hasUpstream(service))
  if (services.some(fits)) return []
  return [
    {
      path: 'services',
      text: `expected ${need.what}, for setup: ${host.setup}, found only ${listed(services.map(({ type }) => type))}`,
    },
  ]
}

function hasUpstream(service: ServiceConfig): boolean {
  return 'upstream' in service && service.upstream !== undefined
}

function uplinksNeeded({ setup, uplinks }: HostConfig): Problem[] {
  if (setup === 'reverse' || setup === 'proxy' || Object.keys(uplinks).length > 0) return []
  return [{ path: 'host.uplinks', text: `expected the uplinks of this ${setup}, found nothing` }]
}

function lanProblems(host: HostConfig, facts: HostFacts): Problem[] {
  const { setup, lan, uplinks } = host
  if (lan === undefined) {
    return setup === 'router'
      ? [{ path: 'host.lan', text: "expected the LAN's interfaces with setup: router, found nothing" }]
      : []
  }
  if (setup !== 'router') {
    return [{ path: 'host.lan', text: `expected only with setup: router, found it with ${setup}` }]
  }
  const path = 'host.lan.interfaces'
  if (lan.interfaces.length > MOST_LAN_INTERFACES) {
    return [{ path, text: `expected at most ${MOST_LAN_INTERFACES}, found ${lan.interfaces.length}` }]
  }
  return lan.interfaces.flatMap((name) => {
    if (Object.hasOwn(uplinks, name)) {
      return [{ path, text: `expected an interface that is no uplink, found ${name}, which is one` }]
    }
    return [...interfaceProblem(path, name, facts), ...addressProblem(path, name, facts)]
  })
}

/** The service and the firewall must agree on how connections come in. */
function interceptProblems(config: HostedConfig): Problem[] {
  const { lan } = config.host
  const transparent = transparentService(config)
  if (lan === undefined || transparent === undefined) return []
  const { index, config: service } = transparent
  const path = `services[${index}]`
  if (service.intercept !== lan.intercept) {
    return [
      {
        path: `${path}.intercept`,
        text: `expected ${lan.intercept} as in host.lan.intercept, found ${service.intercept}`,
      },
    ]
  }
  if (service.listen.every(({ address }) => isLoopback(address))) {
    return [
      {
        path: `${path}.listen`,
        text: 'expected 0.0.0.0, [::] or an address on the LAN, where the firewall brings connections, found only loopback',
      },
    ]
  }
  const { domains } = lan.exclude
  const unnamed = domains.find((each) => !isDomain(each))
  if (unnamed !== undefined) {
    const text = `expected names, found ${unnamed}, which belongs in destinations`
    return [{ path: 'host.lan.exclude.domains', text }]
  }
  if (domains.length > 0 && lan.dns === undefined) {
    const text = 'expected host.lan.dns beside it, which tells the firewall their addresses, found nothing'
    return [{ path: 'host.lan.exclude.domains', text }]
  }
  return []
}

function isDomain(pattern: string): boolean {
  return pattern !== '*' && familyOf(pattern.split('/')[0] ?? '') === 0
}

function addressProblem(path: string, name: string, { interfaces }: HostFacts): Problem[] {
  const found = interfaces.find((each) => each.name === name)
  if (found === undefined || found.addresses.length > 0) return []
  return [{ path, text: `expected an interface with an IP address, found ${name} without one` }]
}

function reverseKeys({ setup, sites, publicAddresses }: HostConfig): Problem[] {
  if (setup === 'reverse') {
    return sites
      .filter((site) => !isDomain(site))
      .map((site) => ({ path: 'host.sites', text: `expected names, found ${site}` }))
  }
  return Object.entries({ sites, publicAddresses }).flatMap(([key, value]) =>
    value.length === 0
      ? []
      : [{ path: `host.${key}`, text: `expected only with setup: reverse, found it with ${setup}` }],
  )
}

function programProblems({ setup, lan }: HostConfig, { programs }: HostFacts): Problem[] {
  const problems: Problem[] = []
  if (setup === 'router' && !programs.has('nft')) {
    problems.push({
      path: 'host.setup',
      text: 'expected the program nft for setup: router, found none; it is in the package nftables',
    })
  }
  if (lan?.dns !== undefined && !programs.has('dnsmasq')) {
    problems.push({
      path: 'host.lan.dns',
      text: 'expected the program dnsmasq, found none; it is in the package dnsmasq-base',
    })
  }
  return problems
}
