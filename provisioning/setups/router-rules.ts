/** The nftables table of a router: pure. */
import { familyOf, type SocketAddress } from '../../src/address.js'
import type { LanConfig } from '../../src/config/host.js'
import { nftInterface } from './nft-words.js'
import { distinctPorts, distinctPrefixes } from './prefixes.js'

export const ROUTER_TABLE = 'mptk'
/** Filled by the LAN's DNS server with the addresses of excluded names. */
export const BYPASS_SETS = { 4: 'bypass4', 6: 'bypass6' } as const

/** Bits of the packet mark, so that what others keep in other bits stays. */
const TPROXY_BIT = '0x00100000'
const FORWARDED_BIT = '0x00200000'
/** Of packets, and of connections (ct mark), that may go past the service. Nobody else sets it. */
export const STRAIGHT_BIT = '0x00400000'
export const TPROXY_MARK = `${TPROXY_BIT}/${TPROXY_BIT}`

export interface RouterRules {
  lan: LanConfig
  /** Uplinks that carry what is forwarded, and those that must not. */
  uplinks: { open: readonly string[]; closed: readonly string[] }
  /** Ports of the transparent service. */
  ports: { 4?: number; 6?: number }
  /** What becomes of TCP of a family without a port. */
  withoutPort: 'refuse' | 'direct'
  /** The next proxies, as far as they are literal: LAN hosts may use them themselves. */
  upstreams: readonly SocketAddress[]
}

/** What stands between the braces of `table inet mptk`. */
export function routerRules(rules: RouterRules): string {
  const { lan } = rules
  return [
    ...(lan.exclude.domains.length === 0 ? [] : bypassSets()),
    ...chain('prerouting', prerouting(rules)),
    ...chain('judge', judge(rules)),
    ...chain('straight', [
      `meta mark set meta mark | ${STRAIGHT_BIT}`,
      `ct mark set ct mark | ${STRAIGHT_BIT}`,
    ]),
    ...chain('refuse', ['meta l4proto tcp reject with tcp reset', 'reject with icmpx admin-prohibited']),
    ...(lan.intercept === 'redirect' ? chain('intercept', redirections(rules)) : []),
    ...chain('inbound', inbound(rules)),
    ...chain('input', input(rules)),
    ...chain('forward', forward(rules)),
    ...chain('postrouting', [
      'type nat hook postrouting priority srcnat; policy accept;',
      `meta mark & ${FORWARDED_BIT} == ${FORWARDED_BIT} masquerade`,
    ]),
  ]
    .map((line) => (line === '' ? '' : `\t${line}`))
    .join('\n')
}

function chain(name: string, lines: readonly string[]): string[] {
  return ['', `chain ${name} {`, ...lines.map((line) => `\t${line}`), '}']
}

/** Without a timeout: while dnsmasq answers from its cache, it does not add them again. */
function bypassSets(): string[] {
  return ([4, 6] as const).flatMap((family) => [
    '',
    `set ${BYPASS_SETS[family]} {`,
    `\ttype ipv${family}_addr`,
    '\tsize 65536',
    '}',
  ])
}

function prerouting({ lan }: RouterRules): string[] {
  const beyondTcp = lan.others === 'refuse'
  return [
    'type filter hook prerouting priority mangle; policy accept;',
    `iifname ${names(lan.interfaces)}${beyondTcp ? '' : ' meta l4proto tcp'} jump judge`,
  ]
}

/**
 * Every packet of the LAN that is for the service to take comes by here, and leaves marked as one
 * that may go straight, on its way to the service, or refused.
 */
function judge(rules: RouterRules): string[] {
  return [
    // the connection was judged before: what its name led to since makes no difference
    `ct mark & ${STRAIGHT_BIT} == ${STRAIGHT_BIT} goto straight`,
    // answers of the LAN's servers
    'meta l4proto tcp ct direction reply goto straight',
    // redirected, most packets by far; what others translate without having been let pass stays in
    ...(rules.lan.intercept === 'redirect' ? ['ct status dnat return'] : []),
    ...exclusions(rules),
    ...interceptions(rules),
    'goto refuse',
  ]
}

/** What is left alone: it is forwarded, or delivered to this router. */
function exclusions({ lan, upstreams }: RouterRules): string[] {
  const { destinations, ports, devices, domains } = lan.exclude
  const macs = devices.filter((each) => familyOf(each.split('/')[0] ?? '') === 0)
  const excludedPorts = distinctPorts(ports)
  return [
    'fib daddr type { local, broadcast, anycast, multicast } goto straight',
    ...lan.interfaces.map((name) => `fib daddr oifname ${nftInterface(name)} goto straight`),
    ...upstreams.map(
      ({ address, port }) => `${ip(address)} daddr ${address} tcp dport ${port} goto straight`,
    ),
    ...match('daddr', NEVER, 'refuse'),
    ...match('daddr', destinations, 'straight'),
    ...(domains.length === 0
      ? []
      : [`ip daddr @${BYPASS_SETS[4]} goto straight`, `ip6 daddr @${BYPASS_SETS[6]} goto straight`]),
    ...(excludedPorts.length === 0
      ? []
      : [`meta l4proto { tcp, udp } th dport { ${excludedPorts.join(', ')} } goto straight`]),
    ...match('saddr', devices, 'straight'),
    ...(macs.length === 0
      ? []
      : [`ether saddr { ${macs.map((mac) => mac.toLowerCase()).join(', ')} } goto straight`]),
  ]
}

/** Not to be routed anywhere (RFC 1122, RFC 3927, RFC 4291). */
const NEVER = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '::1', 'fe80::/10', 'ff00::/8']

function match(side: 'saddr' | 'daddr', prefixes: readonly string[], verdict: string): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const found = distinctPrefixes(prefixes, family)
    return found.length === 0
      ? []
      : [`${family === 4 ? 'ip' : 'ip6'} ${side} { ${found.join(', ')} } goto ${verdict}`]
  })
}

/** TPROXY ends its rule where nobody listens, so that what follows counts. */
function interceptions({ lan, ports, withoutPort }: RouterRules): string[] {
  // address translation passes these by
  const untouched = lan.intercept === 'redirect' ? ['meta l4proto tcp ct state invalid drop'] : []
  return [
    ...untouched,
    ...([4, 6] as const).flatMap((family) => {
      const port = ports[family]
      const packets = `meta nfproto ipv${family} meta l4proto tcp`
      if (port === undefined) return withoutPort === 'direct' ? [`${packets} goto straight`] : []
      return [
        lan.intercept === 'redirect'
          ? `${packets} return`
          : `${packets} tproxy ${family === 4 ? 'ip' : 'ip6'} to :${port} meta mark set meta mark | ${TPROXY_BIT} accept`,
      ]
    }),
  ]
}

/** Beginnings only, as in every nat chain. */
function redirections({ lan, ports }: RouterRules): string[] {
  return [
    'type nat hook prerouting priority dstnat; policy accept;',
    ...([4, 6] as const).flatMap((family) => {
      const port = ports[family]
      const which = `iifname ${names(lan.interfaces)} meta nfproto ipv${family} meta l4proto tcp`
      return port === undefined ? [] : [`${which} meta mark & ${STRAIGHT_BIT} == 0 redirect to :${port}`]
    }),
  ]
}

/** After translation of addresses: what comes for the LAN has a way back in the eyes of `rp_filter`. */
function inbound({ lan }: RouterRules): string[] {
  const within = names(lan.interfaces)
  return [
    'type filter hook prerouting priority dstnat + 1; policy accept;',
    `iifname != ${within} fib daddr oifname ${within} meta mark set meta mark | ${STRAIGHT_BIT}`,
  ]
}

/** The service believes the firewall where a connection goes: nobody else may come to it. */
function input({ lan, ports }: RouterRules): string[] {
  const own = distinctPorts(
    [ports[4], ports[6]].flatMap((port) => (port === undefined ? [] : [[port, port]])),
  )
  return [
    'type filter hook input priority filter; policy accept;',
    `iifname != ${names([...lan.interfaces, 'lo'])} tcp dport { ${own.join(', ')} } drop`,
  ]
}

/** Segments of both directions fit the path; packets that leave by an uplink of ours get its address. */
function forward({ lan, uplinks }: RouterRules): string[] {
  const clamp = 'tcp flags & (fin | syn | rst) == syn tcp option maxseg size set rt mtu'
  const within = names(lan.interfaces)
  const judged = lan.others === 'refuse' ? '' : ' meta l4proto tcp'
  return [
    'type filter hook forward priority mangle; policy accept;',
    `iifname ${within}${judged} meta mark & ${STRAIGHT_BIT} == 0 goto refuse`,
    // a connection of the LAN's own that was there before would seem to have begun outside
    `iifname != ${within} oifname ${within} ct state new tcp flags & (fin | syn | rst | ack) != syn drop`,
    ...(uplinks.open.length === 0
      ? []
      : [
          `iifname ${within} oifname ${names(uplinks.open)} ${clamp}`,
          `iifname ${names(uplinks.open)} oifname ${within} ${clamp}`,
          `iifname ${within} oifname ${names(uplinks.open)} meta mark set meta mark | ${FORWARDED_BIT}`,
        ]),
    ...(uplinks.closed.length === 0
      ? []
      : [
          `iifname ${within} oifname ${names(uplinks.closed)} ct direction original reject with icmpx admin-prohibited`,
        ]),
  ]
}

function names(interfaces: readonly string[]): string {
  return `{ ${interfaces.map(nftInterface).join(', ')} }`
}

function ip(address: string): string {
  return familyOf(address) === 6 ? 'ip6' : 'ip'
}
