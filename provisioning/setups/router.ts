/** A LAN behind a router with several uplinks: its TCP goes into the transparent service, all else out of the best uplink. */
import type { LanConfig, UplinkRole } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import type { Resource } from '../resource.js'
import { localTable, markPriority } from '../uplinks/numbers.js'
import { lanMainRules } from '../uplinks/resources.js'
import { barrierResources } from './barrier.js'
import { dnsResources, lanAddresses } from './dns.js'
import { firewallWarnings } from './firewall.js'
import { forwardingSysctls } from './forwarding.js'
import type { HostedConfig, Setup } from './part.js'
import { ROUTER_TABLE, routerRules, TPROXY_MARK } from './router-rules.js'
import { literalUpstreams, portsOf, transparentService, type Transparent } from './transparent.js'

export function routerSetup(config: HostedConfig, facts: HostFacts): Setup {
  const { host } = config
  const transparent = transparentService(config)
  // both are checked to be there
  if (host.lan === undefined || transparent === undefined) return { resources: [], notes: [], warnings: [] }
  const open = uplinksOf(config, ['normal', 'backup'])
  return {
    first: barrierResources(host, host.lan, facts),
    resources: [
      ...forwardingSysctls(open, host.lan.interfaces, facts),
      ...lanMainRules(host),
      ...(host.lan.intercept === 'tproxy' ? localDelivery(config) : []),
    ],
    afterServices: [rules(config, host.lan, transparent), ...dnsResources(host, facts)],
    notes: notes(host.lan, facts),
    warnings: warnings(config, host.lan, transparent, facts),
  }
}

function uplinksOf({ host }: HostedConfig, roles: readonly UplinkRole[]): string[] {
  return Object.entries(host.uplinks)
    .filter(([, { role }]) => roles.includes(role))
    .map(([name]) => name)
}

function rules(config: HostedConfig, lan: LanConfig, transparent: Transparent): Resource {
  return {
    kind: 'nft-table',
    family: 'inet',
    table: ROUTER_TABLE,
    why: `TCP of ${lan.interfaces.join(', ')} goes into the transparent service, the rest out of the uplinks`,
    body: routerRules({
      lan,
      uplinks: {
        open: uplinksOf(config, ['normal', 'backup']),
        closed: uplinksOf(config, ['metered', 'off']),
      },
      ports: portsOf(transparent.config),
      withoutPort: transparent.config.upstream?.whenUnreachable ?? 'refuse',
      upstreams: literalUpstreams(config),
    }),
  }
}

/** TPROXY changes no address: what is marked is delivered here whatever its destination. */
function localDelivery({ host: { numbers } }: HostedConfig): Resource[] {
  const why = 'marked packets are delivered to the transparent service'
  return ([4, 6] as const).flatMap((family): Resource[] => [
    {
      kind: 'route-table',
      why,
      family,
      table: localTable(numbers),
      routes: [{ to: 'default', type: 'local', device: 'lo' }],
    },
    {
      kind: 'rule',
      why,
      family,
      priority: markPriority(numbers),
      mark: TPROXY_MARK,
      table: localTable(numbers),
    },
  ])
}

function notes(lan: LanConfig, facts: HostFacts): string[] {
  const addresses = lanAddresses(lan, facts).join(', ')
  const dns = lan.dns === undefined ? '' : ' and DNS server'
  return [`hosts of the LAN have this router as gateway${dns}: ${addresses}`]
}

function warnings(
  config: HostedConfig,
  lan: LanConfig,
  { index, config: service }: Transparent,
  facts: HostFacts,
): string[] {
  const ports = portsOf(service)
  const open = lan.interfaces.map((name) => `"${name}"`).join(', ')
  const rest = { ...config, services: config.services.filter(({ type }) => type !== 'transparent') }
  return [
    ...([4, 6] as const)
      .filter((family) => ports[family] === undefined && (family === 4 || facts.ipv6))
      .map(
        (family) =>
          `services[${index}].listen: no IPv${family} address: IPv${family} TCP of the LAN ${service.upstream?.whenUnreachable === 'direct' ? 'goes out directly, past the proxy' : 'is refused'}`,
      ),
    ...facts.closedFirewalls.map(
      ({ chain }) =>
        `what the LAN sends may not reach the transparent service: the firewall ${chain} drops what it is not told of: nft insert rule ${chain} iifname { ${open} } accept`,
    ),
    ...firewallWarnings(rest, facts),
  ]
}
