/** Facts of hosts for tests of what is pure: a laptop on Linux 6.18 unless told otherwise. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { describe } from '../../provisioning/describe.js'
import type { HostFacts, InterfaceFacts } from '../../provisioning/facts.js'
import type { Description, Resource, ResourceKind } from '../../provisioning/resource.js'
import type { HostedConfig } from '../../provisioning/setups/part.js'
import { checkConfig } from '../../src/config/load.js'

/** An interface that is up, of IPv4 and IPv6 addresses with prefix lengths; gateways are the first hosts of their networks. */
export function interfaceFacts(
  name: string,
  addresses: string[],
  change: Partial<InterfaceFacts> = {},
): InterfaceFacts {
  const parsed = addresses.map((each) => {
    const [address = '', length] = each.split('/')
    return {
      family: address.includes(':') ? (6 as const) : (4 as const),
      address,
      prefixLength: Number(length),
    }
  })
  const gateway = (family: 4 | 6): string | undefined =>
    parsed.find((each) => each.family === family)?.address.replace(/[^.:]+$/, '1')
  const [ipv4, ipv6] = [gateway(4), gateway(6)]
  return {
    index: 2,
    name,
    up: true,
    carrier: true,
    loopback: false,
    addresses: parsed,
    gateways: { ...(ipv4 !== undefined && { 4: ipv4 }), ...(ipv6 !== undefined && { 6: ipv6 }) },
    ...change,
  }
}

const LOOPBACK = interfaceFacts('lo', [], { index: 1, loopback: true })

/** Both uplinks and the LAN of mininet/topologies/models.json. */
export const HOME = [
  LOOPBACK,
  interfaceFacts('wlan', ['10.0.1.2/24', 'fd00:1::2/64']),
  interfaceFacts('cell', ['10.0.2.2/24', 'fd00:2::2/64']),
  interfaceFacts('lan', ['192.168.7.1/24', 'fd00:7::1/64'], { gateways: {} }),
]
/** Its proxy. */
export const FAR_END = [
  LOOPBACK,
  interfaceFacts('eth0', ['10.0.3.2/24', 'fd00:3::2/64']),
  interfaceFacts('eth1', ['10.0.4.2/24', 'fd00:4::2/64']),
]

const SYSCTLS = {
  'net.mptcp.enabled': '1',
  'net.mptcp.scheduler': 'default',
  'net.mptcp.path_manager': 'kernel',
  'net.mptcp.pm_type': '0',
  'net.mptcp.stale_loss_cnt': '4',
  'net.mptcp.blackhole_timeout': '3600',
  'net.ipv4.tcp_congestion_control': 'cubic',
  'net.ipv4.tcp_rmem': '4096 131072 6291456',
  'net.ipv4.tcp_wmem': '4096 16384 67108864',
  'net.ipv6.conf.all.forwarding': '0',
}

export function hostFacts(change: Partial<HostFacts> = {}): HostFacts {
  const interfaces = change.interfaces ?? HOME
  const perInterface = interfaces.flatMap(({ name }) =>
    [
      'net.ipv4.conf.*.forwarding',
      'net.ipv6.conf.*.force_forwarding',
      'net.ipv6.conf.*.accept_ra',
      'net.ipv4.conf.*.src_valid_mark',
    ].map((pattern) => [pattern.replace('*', name), '0'] as const),
  )
  return {
    hostname: 'home',
    flavour: 'upstream',
    release: '6.18.0',
    initialNamespace: true,
    congestion: { available: ['reno', 'bbr', 'cubic'], allowed: ['reno', 'bbr'], current: 'bbr' },
    schedulers: { available: ['default'], current: 'default' },
    pathManagers: { available: ['kernel', 'userspace'], current: 'kernel' },
    modules: [],
    ipv6: true,
    interfaces,
    rules: [
      { family: 4, priority: 0, table: 255 },
      { family: 4, priority: 32766, table: 254 },
    ],
    owners: [],
    closedFirewalls: [],
    systemd: false,
    sysctls: new Map([...Object.entries(SYSCTLS), ...perInterface]),
    endpoints: [],
    programs: new Map([
      ['nft', '/usr/sbin/nft'],
      ['dnsmasq', '/usr/sbin/dnsmasq'],
    ]),
    mptk: ['/usr/bin/mptk'],
    state: '/var/lib/mptk',
    ...change,
  }
}

/** A kernel of multipath-tcp.org with the path manager fullmesh and the scheduler blest as modules. */
export const OUT_OF_TREE: Partial<HostFacts> = {
  flavour: 'out-of-tree',
  release: '4.19.234',
  congestion: { available: ['cubic', 'reno', 'lia'], allowed: ['cubic', 'reno'], current: 'cubic' },
  schedulers: { available: ['default', 'roundrobin'], current: 'default' },
  pathManagers: { available: ['default', 'ndiffports', 'binder'], current: 'default' },
  modules: ['mptcp_fullmesh', 'mptcp_blest', 'mptcp_coupled', 'mptcp_olia'],
  sysctls: new Map(
    Object.entries({ 'net.mptcp.mptcp_enabled': '1', 'net.mptcp.mptcp_path_manager': 'default' }),
  ),
}

/** A configuration with that `host`; its services are what the set-up needs unless given. */
export function hosted(host: object, services?: object[]): HostedConfig {
  const { setup = 'client' } = host as { setup?: keyof typeof SERVICES }
  const file = { services: services ?? SERVICES[setup], host: { setup, ...host } }
  return asHosted(checkConfig(file, 'test'))
}

const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
const SERVICES = {
  client: [{ type: 'socks5', listen: '127.0.0.1:1080', upstream }],
  router: [{ type: 'transparent', listen: '[::]:5201', upstream }],
  reverse: [{ type: 'reverse-tcp', listen: '[::]:80', target: '10.0.3.3:80' }],
  proxy: [{ type: 'socks5', listen: '[::]:1080', anonymous: true }],
}

function asHosted(config: ReturnType<typeof checkConfig>): HostedConfig {
  const { host } = config
  if (host === undefined) throw new Error('a configuration without host')
  return { ...config, host }
}

/** A file of examples/. */
export function example(name: string): HostedConfig {
  const file = new URL(`../../examples/${name}.yaml`, import.meta.url)
  return asHosted(checkConfig(parse(readFileSync(file, 'utf8')), name))
}

export function described(config: HostedConfig, facts: HostFacts): Description {
  return describe(config, facts, { configFile: '/etc/mptk/mptk.yaml' })
}

/** Those of one kind. */
export function ofKind<Kind extends ResourceKind>(
  kind: Kind,
  { resources }: { resources: readonly Resource[] },
): Extract<Resource, { kind: Kind }>[] {
  return resources.filter((each): each is Extract<Resource, { kind: Kind }> => each.kind === kind)
}

/** Sysctls of a description, name to value. */
export function sysctlsOf(description: { resources: readonly Resource[] }): Record<string, string> {
  return Object.fromEntries(ofKind('sysctl', description).map(({ name, value }) => [name, value]))
}
