// host.mptcp in the words of each kernel.
import t from 'tap'
import { hostProblems } from '../../../provisioning/checks.js'
import type { HostFacts } from '../../../provisioning/facts.js'
import {
  described,
  HOME,
  hosted,
  hostFacts,
  OUT_OF_TREE,
  ofKind,
  sysctlsOf,
} from '../../support/host-facts.js'

const uplinks = { wlan: {}, cell: {} }

function sysctls(host: object, facts: Partial<HostFacts> = {}): Record<string, string> {
  return sysctlsOf(described(hosted({ uplinks, ...host }), hostFacts(facts)))
}

void t.test('upstream: what is always set', (t) => {
  t.strictSame(sysctls({}), {
    'net.mptcp.enabled': '1',
    'net.mptcp.path_manager': 'kernel',
    'net.mptcp.blackhole_timeout': '60',
  })
  const { resources } = described(hosted({ uplinks }), hostFacts())
  t.match(ofKind('limits', { resources }), [{ subflows: 8, addAddrAccepted: 8 }])
  t.end()
})

void t.test('upstream: what is asked for', (t) => {
  const mptcp = {
    pathManager: 'ndiffports',
    scheduler: 'default',
    congestion: 'cubic',
    limits: { subflows: 3, addAddrAccepted: 1 },
  }
  t.strictSame(sysctls({ mptcp, uplinks: { wlan: {}, cell: { role: 'backup' } } }), {
    'net.mptcp.enabled': '1',
    'net.mptcp.path_manager': 'userspace',
    'net.mptcp.scheduler': 'default',
    'net.ipv4.tcp_congestion_control': 'cubic',
    'net.mptcp.stale_loss_cnt': '1',
    'net.mptcp.blackhole_timeout': '60',
  })
  const { resources } = described(hosted({ uplinks, mptcp }), hostFacts())
  t.match(ofKind('limits', { resources }), [{ subflows: 3, addAddrAccepted: 1 }])
  t.strictSame(ofKind('module', { resources }), [], 'built in')
  t.strictSame(described(hosted({ uplinks, mptcp }), hostFacts()).warnings, [])
  t.end()
})

void t.test('upstream before path_manager, and before schedulers had names', (t) => {
  const older = new Map([
    ['net.mptcp.enabled', '1'],
    ['net.mptcp.pm_type', '0'],
  ])
  t.strictSame(sysctls({ mptcp: { pathManager: 'ndiffports', scheduler: 'default' } }, { sysctls: older }), {
    'net.mptcp.enabled': '1',
    'net.mptcp.pm_type': '1',
  })
  const oldest = new Map([['net.mptcp.enabled', '0']])
  t.strictSame(sysctls({}, { sysctls: oldest }), { 'net.mptcp.enabled': '1' })
  t.end()
})

void t.test('a congestion control that is a module', (t) => {
  const facts = hostFacts({ modules: ['tcp_cdg'] })
  const { resources } = described(hosted({ uplinks, mptcp: { congestion: 'cdg' } }), facts)
  const at = (test: (text: string) => boolean): number =>
    resources.findIndex((each) => 'name' in each && test(each.name))
  t.match(ofKind('module', { resources }), [{ name: 'tcp_cdg' }])
  t.ok(at((name) => name === 'tcp_cdg') < at((name) => name === 'net.ipv4.tcp_congestion_control'))
  t.end()
})

void t.test('congestion: auto: the module is loaded, and listed for the next boot', (t) => {
  const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
  const client = (keys: object): object[] => [
    { type: 'socks5', listen: '127.0.0.1:1080', transport: 'tcp', upstream: { ...upstream, ...keys } },
  ]
  const found = (facts: Partial<HostFacts>, services: object[]) => {
    const { resources, warnings } = described(hosted({ uplinks }, services), hostFacts(facts))
    return {
      modules: ofKind('module', { resources }).map(({ name }) => name),
      files: ofKind('file', { resources }).map(({ path, content }) => [path, content]),
      warned: warnings.some((each) => each.startsWith('this kernel has no bbr (')),
      order: resources.map(({ kind }) => kind),
    }
  }
  const loadable = {
    modules: ['tcp_bbr'],
    congestion: { available: ['cubic'], allowed: [], current: 'cubic' },
  }
  const { order, ...wanted } = found(loadable, client({}))
  const same = (facts: Partial<HostFacts>, services: object[], expected: object, why: string): void => {
    const { modules, files, warned } = found(facts, services)
    t.strictSame({ modules, files, warned }, expected, why)
  }
  t.strictSame(wanted, {
    modules: ['tcp_bbr'],
    files: [['/etc/modules-load.d/mptk.conf', '# Of mptk: what it loads at every boot.\ntcp_bbr\n']],
    warned: false,
  })
  t.ok(order.indexOf('module') < order.indexOf('service'), 'before the service')
  const nothing = { modules: [], files: [], warned: false }
  same({}, client({}), nothing, 'built in')
  same(loadable, client({ congestion: 'cubic' }), nothing, 'a name is asked for')
  same(loadable, client({ transport: 'tcp' }), nothing, 'TCP alone')
  same({ ...loadable, initialNamespace: false }, client({}), nothing, 'not for a container to load')
  same({ ...loadable, modules: [] }, client({}), { ...nothing, warned: true }, 'none to be had')
  t.end()
})

void t.test('out-of-tree: sysctls, parameters, modules, interface flags', (t) => {
  const roles = { wlan: {}, cell: { role: 'metered' }, lan: { role: 'off' } }
  const mptcp = { scheduler: 'blest', congestion: 'lia' }
  const description = described(hosted({ uplinks: roles, mptcp }), hostFacts(OUT_OF_TREE))
  t.strictSame(sysctlsOf(description), {
    'module/mptcp_fullmesh/num_subflows': '1',
    'module/mptcp_fullmesh/create_on_err': '1',
    'net.mptcp.mptcp_enabled': '1',
    'net.mptcp.mptcp_path_manager': 'fullmesh',
    'net.mptcp.mptcp_scheduler': 'blest',
    'net.ipv4.tcp_congestion_control': 'lia',
  })
  t.strictSame(
    ofKind('module', description).map(({ name }) => name),
    ['mptcp_fullmesh', 'mptcp_blest', 'mptcp_coupled'],
  )
  t.strictSame(
    ofKind('multipath-flag', description).map(({ device, value }) => [device, value]),
    [
      ['wlan', 'on'],
      ['cell', 'backup'],
      ['lan', 'off'],
    ],
  )
  t.strictSame(ofKind('endpoint', description), [])
  t.strictSame(ofKind('limits', description), [])
  t.strictSame(
    new Set(ofKind('route-table', description).map(({ uplink }) => uplink)),
    new Set(['wlan', 'cell']),
  )
  t.end()
})

void t.test('out-of-tree: ndiffports, binder, default', (t) => {
  t.match(sysctls({ mptcp: { pathManager: 'ndiffports', subflowsPerConnection: 4 } }, OUT_OF_TREE), {
    'module/mptcp_ndiffports/num_subflows': '4',
    'net.mptcp.mptcp_path_manager': 'ndiffports',
  })
  const binderGateways = ['10.0.1.1', '10.0.2.1']
  t.match(sysctls({ mptcp: { pathManager: 'binder', binderGateways } }, OUT_OF_TREE), {
    'net.mptcp.mptcp_binder_gateways': '10.0.1.1-10.0.2.1',
    'net.mptcp.mptcp_path_manager': 'binder',
  })
  t.strictSame(sysctls({ mptcp: { pathManager: 'default' } }, OUT_OF_TREE), {
    'net.mptcp.mptcp_enabled': '1',
    'net.mptcp.mptcp_path_manager': 'default',
  })
  t.end()
})

void t.test('out-of-tree: refused', (t) => {
  const refused = (mptcp: object): string[] =>
    hostProblems(hosted({ uplinks, mptcp }), hostFacts(OUT_OF_TREE)).map(
      ({ path, text }) => `${path}: ${text}`,
    )
  t.strictSame(refused({ scheduler: 'redundant' }), [
    'host.mptcp.scheduler: expected one of this kernel (default or roundrobin) or one whose module can be loaded, found redundant',
  ])
  t.strictSame(refused({ pathManager: 'binder' }), [
    'host.mptcp.binderGateways: expected the gateways that binder goes through, found nothing',
  ])
  t.strictSame(refused({ congestion: 'wvegas' }), [
    'host.mptcp.congestion: expected a congestion control of this kernel (cubic, reno or lia), found wvegas',
  ])
  t.strictSame(refused({ congestion: 'olia', scheduler: 'roundrobin' }), [], 'loadable; there')
  t.end()
})

void t.test('without MPTCP: plain TCP by default, nothing that was asked for by name', (t) => {
  const facts: Partial<HostFacts> = {
    flavour: 'tcp-only',
    release: '5.4.0',
    sysctls: new Map(),
    interfaces: HOME,
  }
  const { resources, warnings } = described(
    hosted({ uplinks, mptcp: { congestion: 'cubic' } }),
    hostFacts(facts),
  )
  t.strictSame(sysctlsOf({ resources }), { 'net.ipv4.tcp_congestion_control': 'cubic' })
  t.strictSame(ofKind('endpoint', { resources }), [])
  t.match(warnings, [/^this kernel has no MPTCP/])
  for (const mptcp of [{ scheduler: 'default' }, { pathManager: 'ndiffports' }]) {
    t.match(hostProblems(hosted({ uplinks, mptcp }), hostFacts(facts)), [
      { text: /^expected a kernel with MPTCP for \w+, found Linux 5\.4\.0 without it$/ },
    ])
  }
  t.end()
})
