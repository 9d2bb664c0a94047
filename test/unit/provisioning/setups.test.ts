// What the set-ups add, what they say, and the examples on the hosts they are for.
import t from 'tap'
import type { HostFacts } from '../../../provisioning/facts.js'
import { siteWarning } from '../../../provisioning/dns-check.js'
import {
  described,
  example,
  FAR_END,
  hosted,
  hostFacts,
  interfaceFacts,
  ofKind,
  sysctlsOf,
} from '../../support/host-facts.js'

const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
const farEnd = hostFacts({ interfaces: FAR_END })

void t.test('two modems in one subnet: each answers ARP for its own address alone', (t) => {
  const arp = ['wlan', 'cell', 'lan'].flatMap((name) => [
    [`net.ipv4.conf.${name}.arp_ignore`, '0'] as const,
    [`net.ipv4.conf.${name}.arp_announce`, '0'] as const,
  ])
  const facts = (cell: string): HostFacts => {
    const [lo, lan] = [interfaceFacts('lo', [], { loopback: true }), interfaceFacts('lan', ['10.0.1.7/24'])]
    const interfaces = [lo, interfaceFacts('wlan', ['192.168.8.100/24']), interfaceFacts('cell', [cell]), lan]
    return hostFacts({ interfaces, sysctls: new Map([...hostFacts().sysctls, ...arp]) })
  }
  const uplinks = { wlan: {}, cell: {} }
  const arpOf = (cell: string, change: object = {}): string[] =>
    Object.entries(sysctlsOf(described(hosted({ uplinks: { ...uplinks, ...change } }), facts(cell))))
      .filter(([name]) => name.includes('.arp_'))
      .map(([name, value]) => `${name.slice('net.ipv4.conf.'.length)}=${value}`)
  t.strictSame(arpOf('192.168.8.101/24'), [
    ...['wlan.arp_ignore=1', 'wlan.arp_announce=2'],
    ...['cell.arp_ignore=1', 'cell.arp_announce=2'],
  ])
  t.strictSame(arpOf('192.168.9.101/24'), [])
  t.strictSame(arpOf('192.168.8.101/24', { cell: { role: 'off' } }), [], 'one that is not used')
  t.end()
})

void t.test('where the journal is said only where it is not where the keepers look', (t) => {
  const argv = (state: string): readonly string[] | undefined =>
    ofKind('service', described(hosted({ uplinks: { wlan: {} } }), hostFacts({ state })))[0]?.argv
  t.notOk(argv('/var/lib/mptk')?.includes('--journal'))
  t.strictSame(argv('/srv/mptk')?.slice(-2), ['--journal', '/srv/mptk'])
  t.end()
})

void t.test('the service', (t) => {
  const socks5 = {
    type: 'socks5',
    listen: ['127.0.0.1:1080', '[::1]:0'],
    usersFile: '/etc/mptk/users.yaml',
    upstream: { ...upstream, username: 'alice', passwordFile: '/etc/mptk/upstream.password' },
  }
  const config = hosted({ uplinks: { wlan: {} }, manager: 'none' }, [socks5])
  const status = { ...config, status: { listen: { address: '127.0.0.1', port: 80 } } }
  t.match(ofKind('service', described(status, hostFacts({ mptk: ['/usr/bin/node', '/opt/mptk.js'] }))), [
    {
      name: 'mptk',
      argv: ['/usr/bin/node', '/opt/mptk.js', 'run', '--config', '/etc/mptk/mptk.yaml'],
      listens: [
        { protocol: 'tcp', address: '127.0.0.1', port: 1080 },
        { protocol: 'tcp', address: '127.0.0.1', port: 80 },
      ],
      restartOn: ['/etc/mptk/mptk.yaml', '/etc/mptk/users.yaml', '/etc/mptk/upstream.password'],
      capabilities: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE'],
      manager: 'none',
    },
  ])
  t.end()
})

void t.test('at every boot, where systemd runs', (t) => {
  const boot = (host: object, facts: Partial<HostFacts>) =>
    ofKind('boot', described(hosted({ uplinks: { wlan: {} }, ...host }), hostFacts(facts)))
  t.match(boot({}, { systemd: true }), [
    {
      name: 'mptk-host',
      argv: [
        ...['/usr/bin/mptk', 'apply', '--at-boot', '--config', '/etc/mptk/mptk.yaml'],
        ...['--state', '/var/lib/mptk'],
      ],
    },
  ])
  t.strictSame(boot({}, { systemd: false }), [])
  t.strictSame(boot({ manager: 'none' }, { systemd: true }), [])
  t.end()
})

void t.test('client: how programs get to it', (t) => {
  const { notes } = described(hosted({ uplinks: { wlan: {} } }), hostFacts())
  t.strictSame(notes, [
    'programs in a shell: export ALL_PROXY=socks5h://127.0.0.1:1080',
    'GNOME: gsettings set org.gnome.system.proxy.socks host 127.0.0.1 && gsettings set org.gnome.system.proxy.socks port 1080 && gsettings set org.gnome.system.proxy mode manual',
    'KDE: kwriteconfig5 --file kioslaverc --group "Proxy Settings" --key socksProxy "socks://127.0.0.1 1080" && kwriteconfig5 --file kioslaverc --group "Proxy Settings" --key ProxyType 1',
  ])
  t.end()
})

void t.test('reverse: zone lines and announced addresses', (t) => {
  const sites = ['www.example.org', '*.shop.example.org']
  const reverse = described(
    hosted({ setup: 'reverse', sites }),
    hostFacts({ interfaces: FAR_END.slice(0, 2) }),
  )
  t.strictSame(reverse.notes, [
    'zone line: www.example.org. 300 IN A 10.0.3.2',
    'zone line: www.example.org. 300 IN AAAA fd00:3::2',
    'zone line: *.shop.example.org. 300 IN A 10.0.3.2',
    'zone line: *.shop.example.org. 300 IN AAAA fd00:3::2',
  ])
  const announced = (host: object, services?: object[]): string[] =>
    ofKind('endpoint', described(hosted({ setup: 'reverse', ...host }, services), farEnd)).map(
      ({ id, address, flags }) => `${id} ${address} ${flags.join(' ')}`,
    )
  t.strictSame(announced({}), [
    '216 10.0.3.2 signal',
    '217 fd00:3::2 signal',
    '218 10.0.4.2 signal',
    '219 fd00:4::2 signal',
  ])
  t.strictSame(announced({ publicAddresses: ['192.0.2.1', '192.0.2.2'] }), [
    '216 192.0.2.1 signal',
    '217 192.0.2.2 signal',
  ])
  const one = [{ type: 'reverse-tcp', listen: '10.0.3.2:80', target: '10.0.3.3:80' }]
  t.strictSame(announced({}, one), [], 'a single address is the one that clients came to')
  t.end()
})

void t.test('reverse: what DNS says', (t) => {
  const wanted = ['192.0.2.1', '2001:db8::1']
  t.strictSame(siteWarning('www.example.org', ['2001:db8::1', '192.0.2.1'], wanted), [])
  t.strictSame(siteWarning('www.example.org', ['192.0.2.1'], wanted), [], 'one family is enough')
  t.match(siteWarning('www.example.org', [], wanted), [
    /^host\.sites: www\.example\.org has no address in DNS/,
  ])
  t.match(siteWarning('www.example.org', ['192.0.2.1', '192.0.2.9'], wanted), [
    /^host\.sites: www\.example\.org leads to 192\.0\.2\.9: expected 192\.0\.2\.1, 2001:db8::1 alone/,
  ])
  t.end()
})

void t.test('proxy: buffers may grow, never shrink, and not twice', (t) => {
  const config = hosted({ setup: 'proxy' })
  const once = sysctlsOf(described(config, farEnd))
  t.match(once, {
    'net.ipv4.tcp_rmem': '4096 131072 33554432',
    'net.ipv4.tcp_wmem': '4096 16384 67108864',
  })
  const applied = hostFacts({
    interfaces: FAR_END,
    sysctls: new Map([...farEnd.sysctls, ...Object.entries(once)]),
  })
  t.strictSame(sysctlsOf(described(config, applied)), once)
  t.end()
})

void t.test('closed firewalls, by whom they are opened', (t) => {
  const warnings = (facts: Partial<HostFacts>): string[] =>
    described(hosted({ setup: 'proxy' }), hostFacts({ interfaces: FAR_END, ...facts })).warnings
  const closed = (chain: string) => ({
    closedFirewalls: [{ chain, accepts: [[22, 22]] as [number, number][] }],
  })
  const owner = (name: string) => ({ owners: [{ name, concern: 'sets things' }] })
  t.match(warnings(closed('inet filter input')), [
    /^port 1080 may be out of reach: .*: nft insert rule inet filter input tcp dport 1080 accept$/,
  ])
  t.match(warnings({ ...closed('ip filter INPUT'), ...owner('ufw') }), [
    /: ufw allow 1080\/tcp$/,
    /^ufw runs here/,
  ])
  t.match(warnings({ ...closed('inet firewalld filter_INPUT'), ...owner('firewalld 1.3') }), [
    /: firewall-cmd --permanent --add-port=1080\/tcp && firewall-cmd --reload$/,
    /^firewalld 1\.3 runs here: sets things$/,
  ])
  const open = {
    closedFirewalls: [{ chain: 'inet filter input', accepts: [[1000, 2000]] as [number, number][] }],
  }
  t.strictSame(warnings(open), [])
  t.end()
})

void t.test('further sysctls win', (t) => {
  const sysctls = { 'net.mptcp.blackhole_timeout': 0, 'net.mptcp.stale_loss_cnt': '2' }
  const description = described(hosted({ uplinks: { wlan: {} }, sysctls }), hostFacts())
  t.match(sysctlsOf(description), { 'net.mptcp.blackhole_timeout': '0', 'net.mptcp.stale_loss_cnt': '2' })
  t.equal(ofKind('sysctl', description).filter(({ name }) => name.endsWith('blackhole_timeout')).length, 1)
  t.end()
})

void t.test('the examples, where they belong', (t) => {
  for (const name of ['client', 'router']) {
    const { resources, warnings } = described(example(name), hostFacts())
    t.strictSame(warnings, [], name)
    t.strictSame(
      ofKind('endpoint', { resources }).map(({ id, address }) => [id, address]),
      [
        [200, '10.0.1.2'],
        [201, 'fd00:1::2'],
        [202, '10.0.2.2'],
        [203, 'fd00:2::2'],
      ],
      name,
    )
  }
  for (const name of ['reverse', 'proxy']) t.strictSame(described(example(name), farEnd).warnings, [], name)
  const wrong = hostFacts({ interfaces: [interfaceFacts('eth9', ['192.0.2.2/24'])] })
  t.throws(() => described(example('client'), wrong), {
    code: 'MPTK_HOST',
    message: /^host\.uplinks\.wlan: /,
  })
  t.end()
})
