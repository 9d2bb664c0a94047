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
export const TPROXY_MARK = `${TPROXY_BIT}/${TPROXY_BIT}`

export interface RouterRules {
  lan: LanConfig
  /** Uplinks that carry what is forwarded, and those that must not. */
  uplinks: { open: readonly string[]; closed: readonly string[] }
  /** Ports of the transparent service; a family without one is forwarded like everything else. */
  ports: { 4?: number; 6?: number }
  /** The next proxies, as far as they are literal: LAN hosts may use them themselves. */
  upstreams: readonly SocketAddress[]
}

/** What stands between the braces of `table inet mptk`. */
export function routerRules(rules: RouterRules): string {
  const { lan } = rules
  return [
    ...(lan.exclude.domains.length === 0 ? [] : bypassSets()),
    ...chain('prerouting', prerouting(rules)),
    ...chain('intercept', [...exclusions(rules), ...interceptions(rules)]),
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
  const hook =
    lan.intercept === 'redirect'
      ? 'type nat hook prerouting priority dstnat; policy accept;'
      : 'type filter hook prerouting priority mangle; policy accept;'
  return [
    hook,
    // answers of the LAN's servers; a nat chain sees beginnings only
    ...(lan.intercept === 'tproxy' ? ['ct direction reply return'] : []),
    `iifname ${names(lan.interfaces)} meta l4proto tcp jump intercept`,
  ]
}

/** What is left alone returns: it is forwarded, or delivered to this router. */
function exclusions({ lan, upstreams }: RouterRules): string[] {
  const { destinations, ports, devices, domains } = lan.exclude
  const macs = devices.filter((each) => familyOf(each.split('/')[0] ?? '') === 0)
  const excludedPorts = distinctPorts(ports)
  return [
    'fib daddr type { local, broadcast, anycast, multicast } return',
    ...lan.interfaces.map((name) => `fib daddr oifname ${nftInterface(name)} return`),
    ...upstreams.map(({ address, port }) => `${ip(address)} daddr ${address} tcp dport ${port} return`),
    ...match('daddr', [...NEVER, ...destinations]),
    ...(domains.length === 0
      ? []
      : [`ip daddr @${BYPASS_SETS[4]} return`, `ip6 daddr @${BYPASS_SETS[6]} return`]),
    ...(excludedPorts.length === 0 ? [] : [`tcp dport { ${excludedPorts.join(', ')} } return`]),
    ...match('saddr', devices),
    ...(macs.length === 0
      ? []
      : [`ether saddr { ${macs.map((mac) => mac.toLowerCase()).join(', ')} } return`]),
  ]
}

/** Not to be routed anywhere (RFC 1122, RFC 3927, RFC 4291). */
const NEVER = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '::1', 'fe80::/10', 'ff00::/8']

function match(side: 'saddr' | 'daddr', prefixes: readonly string[]): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const found = distinctPrefixes(prefixes, family)
    return found.length === 0 ? [] : [`${family === 4 ? 'ip' : 'ip6'} ${side} { ${found.join(', ')} } return`]
  })
}

function interceptions({ lan, ports }: RouterRules): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const port = ports[family]
    if (port === undefined) return []
    return [
      lan.intercept === 'redirect'
        ? `meta nfproto ipv${family} meta l4proto tcp redirect to :${port}`
        : `meta nfproto ipv${family} meta l4proto tcp tproxy ${family === 4 ? 'ip' : 'ip6'} to :${port} meta mark set meta mark | ${TPROXY_BIT} accept`,
    ]
  })
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
  return [
    'type filter hook forward priority mangle; policy accept;',
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
