// The router: its firewall as text, its forwarding, its DNS.
import t from 'tap'
import type { HostFacts } from '../../../provisioning/facts.js'
import { stillStanding } from '../../../provisioning/journal.js'
import { bootUnit } from '../../../provisioning/linux/boot.js'
import { resourceId, type Resource } from '../../../provisioning/resource.js'
import { distinctPorts, distinctPrefixes } from '../../../provisioning/setups/prefixes.js'
import { described, HOME, hosted, hostFacts, ofKind, sysctlsOf } from '../../support/host-facts.js'
import { placeOf } from '../../support/round-trip.js'

const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
const uplinks = { wlan: {}, cell: {}, sat: { role: 'metered' } }

function router(lan: object = {}, service: object = {}, facts: Partial<HostFacts> = {}) {
  const host = { setup: 'router', uplinks, lan: { interfaces: 'lan', ...lan } }
  const [first, second, third, ...rest] = HOME
  const interfaces = [first, second, third, ...rest].flatMap((each) => each ?? [])
  const sat = interfaces.map((each) => ({ ...each, name: 'sat' })).find(({ loopback }) => !loopback)
  if (sat === undefined) throw new Error('no interface')
  const far = { ...sat, addresses: [{ family: 4 as const, address: '10.8.0.2', prefixLength: 24 }] }
  const config = hosted(host, [{ type: 'transparent', listen: '[::]:5201', upstream, ...service }])
  return described(config, hostFacts({ interfaces: [...interfaces, far], ...facts }))
}

function body(lan: object = {}, service: object = {}): string {
  const [table] = ofKind('nft-table', router(lan, service))
  return table?.body ?? ''
}

void t.test('the whole table', (t) => {
  t.equal(
    body(),
    `
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname { "lan" } meta l4proto tcp jump judge
	}

	chain judge {
		ct mark & 0x00400000 == 0x00400000 goto straight
		meta l4proto tcp ct direction reply goto straight
		ct status dnat return
		fib daddr type { local, broadcast, anycast, multicast } goto straight
		fib daddr oifname "lan" goto straight
		ip daddr 10.0.3.2 tcp dport 1080 goto straight
		ip daddr { 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4 } goto refuse
		ip6 daddr { ::1, fe80::/10, ff00::/8 } goto refuse
		meta l4proto tcp ct state invalid drop
		meta nfproto ipv4 meta l4proto tcp return
		meta nfproto ipv6 meta l4proto tcp return
		goto refuse
	}

	chain straight {
		meta mark set meta mark | 0x00400000
		ct mark set ct mark | 0x00400000
	}

	chain refuse {
		meta l4proto tcp reject with tcp reset
		reject with icmpx admin-prohibited
	}

	chain intercept {
		type nat hook prerouting priority dstnat; policy accept;
		iifname { "lan" } meta nfproto ipv4 meta l4proto tcp meta mark & 0x00400000 == 0 redirect to :5201
		iifname { "lan" } meta nfproto ipv6 meta l4proto tcp meta mark & 0x00400000 == 0 redirect to :5201
	}

	chain inbound {
		type filter hook prerouting priority dstnat + 1; policy accept;
		iifname != { "lan" } fib daddr oifname { "lan" } meta mark set meta mark | 0x00400000
	}

	chain input {
		type filter hook input priority filter; policy accept;
		iifname != { "lan", "lo" } tcp dport { 5201 } drop
	}

	chain forward {
		type filter hook forward priority mangle; policy accept;
		iifname { "lan" } meta l4proto tcp meta mark & 0x00400000 == 0 goto refuse
		iifname != { "lan" } oifname { "lan" } ct state new tcp flags & (fin | syn | rst | ack) != syn drop
		iifname { "lan" } oifname { "wlan", "cell" } tcp flags & (fin | syn | rst) == syn tcp option maxseg size set rt mtu
		iifname { "wlan", "cell" } oifname { "lan" } tcp flags & (fin | syn | rst) == syn tcp option maxseg size set rt mtu
		iifname { "lan" } oifname { "wlan", "cell" } meta mark set meta mark | 0x00200000
		iifname { "lan" } oifname { "sat" } ct direction original reject with icmpx admin-prohibited
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00200000 == 0x00200000 masquerade
	}`,
  )
  t.end()
})

void t.test('exclusions', (t) => {
  const exclude = {
    destinations: ['10.9.0.0/16', '10.9.1.1', 'fd00:9::/32', '10.9.1.0/24'],
    ports: [123, '8000-8010', '8005-8020'],
    devices: ['192.168.7.9', '02:00:00:00:00:0A', 'fd00:7::9'],
    domains: ['*.example.org', 'bank.example.net'],
  }
  const text = body({ exclude, dns: { servers: '10.0.3.4' } })
  for (const line of [
    'ip daddr { 10.9.0.0/16 } goto straight',
    'ip6 daddr { fd00:9::/32 } goto straight',
    'ip daddr @bypass4 goto straight',
    'ip6 daddr @bypass6 goto straight',
    'meta l4proto { tcp, udp } th dport { 123, 8000-8020 } goto straight',
    'ip saddr { 192.168.7.9 } goto straight',
    'ip6 saddr { fd00:7::9 } goto straight',
    'ether saddr { 02:00:00:00:00:0a } goto straight',
  ]) {
    t.ok(text.includes(`\t\t${line}\n`), line)
  }
  t.match(text, /set bypass4 \{\n\t\ttype ipv4_addr/)
  t.end()
})

void t.test('TPROXY: marked and delivered here, or refused where nobody listens', (t) => {
  const description = router({ intercept: 'tproxy' }, { intercept: 'tproxy' })
  const [table] = ofKind('nft-table', description)
  const mark = 'meta mark set meta mark | 0x00100000 accept'
  t.match(
    table?.body,
    `\t\tmeta nfproto ipv4 meta l4proto tcp tproxy ip to :5201 ${mark}
\t\tmeta nfproto ipv6 meta l4proto tcp tproxy ip6 to :5201 ${mark}
\t\tgoto refuse
\t}`,
  )
  t.notMatch(table?.body, /type nat hook prerouting|ct state invalid/)
  t.match(
    ofKind('rule', description).filter(({ table: number }) => number === 5208),
    [4, 6].map((family) => ({ family, priority: 5200, mark: '0x00100000/0x00100000', table: 5208 })),
  )
  t.match(
    ofKind('route-table', description).filter(({ table: number }) => number === 5208),
    [4, 6].map((family) => ({ family, routes: [{ to: 'default', type: 'local', device: 'lo' }] })),
  )
  t.end()
})

void t.test('a service for IPv4 alone', (t) => {
  const closed = router({}, { listen: '0.0.0.0:5201' })
  t.notMatch(ofKind('nft-table', closed)[0]?.body, /nfproto ipv6/, 'refused, as all that comes so far')
  t.match(closed.warnings, [/^services\[0\]\.listen: no IPv6 address: IPv6 TCP of the LAN is refused$/])
  for (const intercept of ['redirect', 'tproxy']) {
    const open = { listen: '0.0.0.0:5201', intercept, upstream: { ...upstream, whenUnreachable: 'direct' } }
    const description = router({ intercept }, open)
    const text = ofKind('nft-table', description)[0]?.body
    t.match(text, '\t\tmeta nfproto ipv6 meta l4proto tcp goto straight\n\t\tgoto refuse\n')
    t.match(description.warnings, [/IPv6 TCP of the LAN goes out directly, past the proxy$/])
  }
  t.end()
})

void t.test('the second barrier: what the firewall did not mark is unreachable', (t) => {
  const barriers = (lan: object): object[] =>
    ofKind('rule', router(lan)).filter(({ action }) => action !== undefined)
  const barrier = { mark: '0/0x00400000', table: 0, action: 'unreachable' }
  t.match(
    barriers({}),
    [4, 6].map((family) => ({ ...barrier, family, priority: 5218, inputDevice: 'lan', protocol: 'tcp' })),
  )
  const all = router({ others: 'refuse' })
  t.strictSame(
    ofKind('rule', all)
      .filter(({ action }) => action !== undefined)
      .map(({ protocol, atBoot }) => [protocol, atBoot]),
    [
      [undefined, undefined],
      [undefined, undefined],
    ],
    'not only TCP',
  )
  const text = ofKind('nft-table', all)[0]?.body
  t.match(text, '\t\tiifname { "lan" } jump judge\n')
  t.match(text, '\t\tiifname { "lan" } meta mark & 0x00400000 == 0 goto refuse\n')
  t.end()
})

void t.test('the barriers stand before anything is forwarded, and are the last to go', (t) => {
  for (const systemd of [false, true]) {
    const { resources } = router({ intercept: 'tproxy' }, { intercept: 'tproxy' }, { systemd })
    const isBarrier = (each: Resource): boolean =>
      (each.kind === 'rule' && each.action !== undefined) ||
      (each.kind === 'boot' && each.name === 'mptk-barrier') ||
      (each.kind === 'sysctl' && each.name.endsWith('src_valid_mark'))
    const first = resources.findIndex((each) => !isBarrier(each))
    t.equal(first, resources.filter(isBarrier).length)
    const forwarding = resources.findIndex((each) => each.kind === 'sysctl' && /forwarding$/.test(each.name))
    t.ok(forwarding > 0 && first <= forwarding)
  }
  t.end()
})

void t.test('before the network is up after a boot, the barrier is', (t) => {
  const description = router({}, {}, { systemd: true })
  const [unit] = ofKind('boot', description)
  t.match(unit, { name: 'mptk-barrier', early: true })
  t.strictSame(unit?.argv, [
    '/bin/sh',
    '-c',
    [4, 6]
      .map(
        (family) =>
          `ip -${family} rule add priority 5218 from all fwmark 0x0/0x400000 iif lan ipproto tcp unreachable`,
      )
      .join('; '),
  ])
  if (unit === undefined) throw new Error('no unit')
  const text = bootUnit(unit)
  t.match(text, '\nBefore=network-pre.target shutdown.target\n')
  t.match(text, '\nWantedBy=sysinit.target\n')
  const barriers = ofKind('rule', description).filter(({ action }) => action !== undefined)
  const steps = description.resources.map((resource) => ({
    id: resourceId(resource),
    resource,
    previous: null,
  }))
  const place = { ...placeOf('/nowhere'), epoch: 'now' }
  const standing = stillStanding(steps, 'before the boot', place).map(({ resource }) => resource)
  t.strictSame(
    standing.filter(({ kind }) => kind === 'rule'),
    barriers,
    'and is still ours',
  )
  t.end()
})

void t.test('the service is there before anything is brought to it', (t) => {
  const { resources } = router({ dns: { servers: '10.0.3.4' } })
  const kinds = resources.map((each) => ('name' in each ? each.name : each.kind))
  const order = ['mptk', 'nft-table', 'file', 'mptk-dns'].map((name) => kinds.indexOf(name))
  t.strictSame(
    order,
    [...order].sort((a, b) => a - b),
  )
  t.ok(order.every((index) => index > 0))
  t.end()
})

void t.test('forwarding by interface', (t) => {
  const config = hosted({ setup: 'router', uplinks: { wlan: {} }, lan: { interfaces: 'lan' } })
  const forwarding = (facts: ReturnType<typeof hostFacts>): [string, string][] =>
    Object.entries(sysctlsOf(described(config, facts))).filter(([name]) => /forwarding|accept_ra/.test(name))
  t.strictSame(forwarding(hostFacts()), [
    ['net.ipv4.conf.lan.forwarding', '1'],
    ['net.ipv4.conf.wlan.forwarding', '1'],
    ['net.ipv6.conf.lan.force_forwarding', '1'],
    ['net.ipv6.conf.wlan.force_forwarding', '1'],
  ])
  const older = hostFacts()
  const sysctls = new Map([...older.sysctls].filter(([name]) => !name.endsWith('force_forwarding')))
  t.strictSame(forwarding({ ...older, sysctls }), [
    ['net.ipv4.conf.lan.forwarding', '1'],
    ['net.ipv4.conf.wlan.forwarding', '1'],
    ['net.ipv6.conf.wlan.accept_ra', '2'],
    ['net.ipv6.conf.all.forwarding', '1'],
  ])
  t.end()
})

void t.test('DNS for the LAN', (t) => {
  const exclude = { domains: ['*.example.org', 'bank.example.net'] }
  const description = router({ exclude, dns: { servers: ['10.0.3.4', 'fd00:3::4'] } })
  const [file] = ofKind('file', description)
  t.equal(file?.path, '/etc/mptk/dnsmasq.conf')
  t.match(file?.content, /^interface=lan$/m)
  t.match(file?.content, /^server=10\.0\.3\.4\nserver=fd00:3::4$/m)
  t.match(file?.content, /^nftset=\/example\.org\/4#inet#mptk#bypass4,6#inet#mptk#bypass6$/m)
  const service = ofKind('service', description).find(({ name }) => name === 'mptk-dns')
  t.strictSame(service?.argv, [
    '/usr/bin/mptk',
    'without-fast-open',
    '--',
    '/usr/sbin/dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/etc/mptk/dnsmasq.conf',
  ])
  t.strictSame(
    service?.listens.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`),
    ['udp 192.168.7.1 53', 'tcp 192.168.7.1 53', 'udp fd00:7::1 53', 'tcp fd00:7::1 53'],
  )
  t.end()
})

void t.test('sets that nft takes', (t) => {
  t.strictSame(
    distinctPrefixes(['10.1.2.3/8', '10.0.0.0/8', '10.2.3.4', '192.0.2.1', '::/0', '192.0.2.1/32'], 4),
    ['10.0.0.0/8', '192.0.2.1'],
  )
  t.strictSame(distinctPrefixes(['fd00::1', 'fd00::/8', '10.0.0.0/8'], 6), ['fd00::/8'])
  t.strictSame(
    distinctPorts([
      [80, 90],
      [22, 22],
      [85, 100],
      [101, 101],
    ]),
    ['22', '80-101'],
  )
  t.end()
})
