// What a host cannot be is refused by the key that asks for it.
import t from 'tap'
import { checkHost, hostProblems } from '../../../provisioning/checks.js'
import { describe } from '../../../provisioning/describe.js'
import type { HostFacts } from '../../../provisioning/facts.js'
import { problemLine } from '../../../provisioning/problem.js'
import { checkConfig } from '../../../src/config/load.js'
import { HOME, hosted, hostFacts, interfaceFacts } from '../../support/host-facts.js'

const two = { wlan: {}, cell: {} }
const client = { setup: 'client', uplinks: two }
const router = { setup: 'router', uplinks: two, lan: { interfaces: 'lan' } }

interface Refusal {
  name: string
  host: object
  services?: object[]
  facts?: Partial<HostFacts>
  /** The whole line. */
  says: string
}

const lan = HOME.slice(0, 1)
const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
const transparent = { type: 'transparent', listen: '[::]:5201', upstream }

const REFUSALS: Refusal[] = [
  {
    name: 'unknown scheduler',
    host: { ...client, mptcp: { scheduler: 'roundrobin' } },
    says: 'host.mptcp.scheduler: expected a scheduler of this kernel (default), found roundrobin; that one is in out-of-tree kernels only',
  },
  {
    name: 'congestion control there is not',
    host: { ...client, mptcp: { congestion: 'olia' } },
    says: 'host.mptcp.congestion: expected a congestion control of this kernel (reno, bbr or cubic), found olia; coupled ones are in out-of-tree kernels only',
  },
  {
    name: 'congestion control that this namespace may not choose',
    host: { ...client, mptcp: { congestion: 'cubic' } },
    facts: { initialNamespace: false },
    says: 'host.mptcp.congestion: expected one that may be set in this network namespace (reno or bbr), found cubic; put it into net.ipv4.tcp_allowed_congestion_control of the machine, or set congestion at the services',
  },
  {
    name: 'interface missing',
    host: { ...client, uplinks: { wlan: {}, dsl: {} } },
    says: 'host.uplinks.dsl: expected an interface of this host (lo, wlan, cell, lan), found none of that name',
  },
  {
    name: 'loopback',
    host: { ...client, uplinks: { lo: {} } },
    says: 'host.uplinks.lo: expected an interface to a network, found loopback lo',
  },
  {
    name: 'no address',
    host: client,
    facts: { interfaces: [...HOME.slice(0, 2), interfaceFacts('cell', [])] },
    says: 'host.uplinks.cell: expected an interface with an IP address, found none but link-local ones',
  },
  {
    name: 'no gateway',
    host: { ...client, uplinks: { lan: {} } },
    says: 'host.uplinks.lan: expected a default route over lan or the key gateway, found neither for 192.168.7.1 or fd00:7::1',
  },
  {
    name: 'gateway elsewhere',
    host: { ...client, uplinks: { lan: { gateway: '10.9.9.9' } } },
    says: 'host.uplinks.lan.gateway: expected an address in a network of lan (192.168.7.1/24, fd00:7::1/64), found 10.9.9.9',
  },
  {
    name: 'two modems that give out the same address',
    host: client,
    facts: {
      interfaces: [
        interfaceFacts('wlan', ['192.168.8.100/24']),
        interfaceFacts('cell', ['192.168.8.100/24', 'fd00:2::2/64']),
      ],
    },
    says: 'host.uplinks.cell: expected an address of its own, found 192.168.8.100, which wlan has too: have one of the two modems give out another network',
  },
  {
    name: 'more endpoints than the kernel holds',
    host: { ...client, uplinks: { wlan: {}, cell: {} } },
    facts: {
      endpoints: [1, 2, 3, 4, 5].map((id) => ({ id, address: `192.0.2.${id}`, flags: ['subflow' as const] })),
    },
    says: 'host.uplinks: expected at most 8 endpoints, as many as the kernel holds, found 9: 4 of uplinks, 0 announced, 5 of somebody else',
  },
  {
    name: 'ndiffports without the userspace path manager',
    host: { ...client, mptcp: { pathManager: 'ndiffports' } },
    facts: { pathManagers: { available: ['kernel'], current: 'kernel' } },
    says: 'host.mptcp.pathManager: expected default or fullmesh on this kernel, found ndiffports: it needs the userspace path manager, and this kernel has kernel',
  },
  {
    name: 'binder',
    host: { ...client, mptcp: { pathManager: 'binder', binderGateways: '10.0.1.1' } },
    says: 'host.mptcp.pathManager: expected default, fullmesh or ndiffports on this kernel, found binder: it needs the loose source routing of out-of-tree kernels, which upstream does not have',
  },
  {
    name: 'keys of another path manager',
    host: { ...client, mptcp: { subflowsPerConnection: 3 } },
    says: 'host.mptcp.subflowsPerConnection: expected only with pathManager: ndiffports, found it with fullmesh',
  },
  {
    name: 'LAN of a client',
    host: { ...client, lan: { interfaces: 'lan' } },
    says: 'host.lan: expected only with setup: router, found it with client',
  },
  {
    name: 'router without LAN',
    host: { setup: 'router', uplinks: two },
    says: "host.lan: expected the LAN's interfaces with setup: router, found nothing",
  },
  {
    name: 'LAN that is an uplink',
    host: { ...router, lan: { interfaces: 'cell' } },
    says: 'host.lan.interfaces: expected an interface that is no uplink, found cell, which is one',
  },
  {
    name: 'LAN without an address',
    host: router,
    facts: { interfaces: [...HOME.slice(0, 3), interfaceFacts('lan', [])] },
    says: 'host.lan.interfaces: expected an interface with an IP address, found lan without one',
  },
  {
    name: 'router without a transparent service',
    host: router,
    services: [{ type: 'socks5', listen: '127.0.0.1:1080', upstream }],
    says: "services: expected a service of type transparent with an upstream, which is what the LAN's TCP goes through, for setup: router, found only socks5",
  },
  {
    name: 'client without an upstream',
    host: client,
    services: [{ type: 'socks5', listen: '127.0.0.1:1080' }],
    says: 'services: expected a service of type socks5 or connect with an upstream, which is what programs here shall use, for setup: client, found only socks5',
  },
  {
    name: 'client without uplinks',
    host: { setup: 'client' },
    says: 'host.uplinks: expected the uplinks of this client, found nothing',
  },
  {
    name: 'two ways of interception',
    host: { ...router, lan: { interfaces: 'lan', intercept: 'tproxy' } },
    services: [transparent],
    says: 'services[0].intercept: expected tproxy as in host.lan.intercept, found redirect',
  },
  {
    name: 'transparent service on loopback',
    host: router,
    services: [{ ...transparent, listen: '127.0.0.1:5201' }],
    says: 'services[0].listen: expected 0.0.0.0, [::] or an address on the LAN, where the firewall brings connections, found only loopback',
  },
  {
    name: 'domains that nobody notes',
    host: { ...router, lan: { interfaces: 'lan', exclude: { domains: ['example.org'] } } },
    says: 'host.lan.exclude.domains: expected host.lan.dns beside it, which tells the firewall their addresses, found nothing',
  },
  {
    name: 'prefixes among domains',
    host: { ...router, lan: { interfaces: 'lan', exclude: { domains: ['10.0.0.0/8'] } } },
    says: 'host.lan.exclude.domains: expected names, found 10.0.0.0/8, which belongs in destinations',
  },
  {
    name: 'nft missing',
    host: router,
    facts: { programs: new Map() },
    says: 'host.setup: expected the program nft for setup: router, found none; it is in the package nftables',
  },
  {
    name: 'dnsmasq missing',
    host: { ...router, lan: { interfaces: 'lan', dns: { servers: '192.0.2.53' } } },
    facts: { programs: new Map([['nft', '/usr/sbin/nft']]) },
    says: 'host.lan.dns: expected the program dnsmasq, found none; it is in the package dnsmasq-base',
  },
  {
    name: 'sites of a proxy',
    host: { setup: 'proxy', sites: ['www.example.org'] },
    says: 'host.sites: expected only with setup: reverse, found it with proxy',
  },
  {
    name: 'sites that are no names',
    host: { setup: 'reverse', sites: ['*'] },
    says: 'host.sites: expected names, found *',
  },
  {
    name: 'a sysctl there is not',
    host: { ...client, sysctls: { 'net.ipv4.no_such': 1 } },
    says: 'host.sysctls.net.ipv4.no_such: expected a sysctl of this host, found none of that name',
  },
  {
    name: 'a table in use',
    host: client,
    facts: { rules: [{ family: 4, priority: 100, table: 5201 }] },
    says: 'host.numbers.table: expected 9 routing tables that nobody uses, from 5200 on, found the rule of priority 100 into table 5201 (IPv4)',
  },
  {
    name: 'a priority in use',
    host: client,
    facts: { rules: [{ family: 6, priority: 5210, table: 77 }] },
    says: 'host.numbers.priority: expected 168 rule priorities that nobody uses, from 5200 on, found the rule of priority 5210 into table 77 (IPv6)',
  },
  {
    name: 'a priority in use by a rule that leads nowhere',
    host: client,
    facts: {
      rules: [
        { family: 4, priority: 5218, table: 0, unreachable: true },
        { family: 4, priority: 5230, table: 0, unreachable: true },
      ],
    },
    says: 'host.numbers.priority: expected 168 rule priorities that nobody uses, from 5200 on, found the rule of priority 5230 to nowhere (IPv4)',
  },
  {
    name: 'systemd that does not run',
    host: { ...client, manager: 'systemd' },
    says: 'host.manager: expected auto or none where systemd does not run, found systemd',
  },
  {
    name: 'a file that the service would not find',
    host: client,
    services: [
      {
        type: 'socks5',
        listen: '127.0.0.1:1080',
        upstream: { ...upstream, username: 'alice', passwordFile: 'alice.password' },
      },
    ],
    says: 'services[0].upstream.passwordFile: expected an absolute path, since the service does not start in this folder, found "alice.password"',
  },
  {
    name: 'an address of another host',
    host: client,
    services: [{ type: 'socks5', listen: '192.0.2.77:1080', anonymous: true, upstream }],
    says: 'services[0].listen: expected an address of this host, found 192.0.2.77, which no interface has',
  },
]

void t.test('refused, naming the key', (t) => {
  for (const { name, host, services, facts, says } of REFUSALS) {
    const problems = hostProblems(hosted(host, services), hostFacts(facts))
    t.strictSame(problems.map(problemLine), [says], name)
    t.throws(
      () => describe(hosted(host, services), hostFacts(facts), { configFile: '/etc/mptk/mptk.yaml' }),
      { code: 'MPTK_HOST', message: says },
      name,
    )
  }
  t.end()
})

void t.test('nothing is wrong with these', (t) => {
  t.strictSame(hostProblems(hosted(client), hostFacts()), [])
  t.strictSame(hostProblems(hosted(router), hostFacts()), [])
  t.strictSame(hostProblems(hosted({ setup: 'reverse' }), hostFacts()), [])
  t.strictSame(hostProblems(hosted({ setup: 'proxy' }), hostFacts({ interfaces: lan })), [])
  const applied: HostFacts['rules'] = [
    { family: 4, priority: 5202, table: 254 },
    { family: 4, priority: 5203, table: 5200 },
  ]
  t.strictSame(hostProblems(hosted(client), hostFacts({ rules: applied })), [], 'rules of an earlier apply')
  const endpoints = [200, 201, 202, 203].map((id) => ({ id, address: `10.0.9.${id}`, flags: [] }))
  t.strictSame(hostProblems(hosted(client), hostFacts({ endpoints })), [], 'endpoints of an earlier apply')
  const shared = { ...hostFacts(), endpoints: [{ id: 1, address: '10.0.1.2', flags: [] }] }
  t.strictSame(
    hostProblems(hosted(client), shared),
    [],
    "an endpoint of somebody else with an uplink's address",
  )
  t.end()
})

void t.test('warned of', (t) => {
  const interfaces = [
    ...HOME.slice(0, 2),
    interfaceFacts('cell', [], { up: false, carrier: false }),
    interfaceFacts('dsl', [], { carrier: false }),
  ]
  const uplinks = { wlan: {}, cell: {}, dsl: {} }
  t.strictSame(checkHost(hosted({ ...client, uplinks }), hostFacts({ interfaces })), [
    'host.uplinks.cell: the interface is down: mptk run takes it up when it comes',
    'host.uplinks.dsl: the interface is without carrier: mptk run takes it up when it comes',
  ])
  t.strictSame(checkHost(hosted({ ...client, mptcp: { limits: { subflows: 0 } } }), hostFacts()), [
    'host.mptcp.limits.subflows: 0 leaves some of 2 uplinks without a subflow',
  ])
  t.end()
})

void t.test('a configuration without host', (t) => {
  const config = checkConfig({ services: [{ type: 'socks5', listen: '127.0.0.1:1080' }] }, 'test')
  t.throws(() => describe(config, hostFacts(), { configFile: '/x' }), {
    code: 'MPTK_HOST',
    message: /^host: /,
  })
  t.end()
})
