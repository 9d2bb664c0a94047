import t from 'tap'
import { formatReport } from '../../../src/cli/doctor.js'
import { parseNetstat, parseSnmp } from '../../../src/kernel/counters.js'
import { upstreamFindings, type UpstreamState } from '../../../src/kernel/findings-upstream.js'
import type { Endpoint, Finding, KernelReport } from '../../../src/kernel/kernel.js'
import { defaultRouteDevices } from '../../../src/kernel/uplinks.js'
import { isBefore } from '../../../src/kernel/report-tcp-only.js'

const SYSCTLS = {
  'net.mptcp.enabled': '1',
  'net.mptcp.path_manager': 'kernel',
  'net.mptcp.pm_type': '0',
  'net.mptcp.scheduler': 'default',
  'net.mptcp.stale_loss_cnt': '4',
  'net.mptcp.blackhole_timeout': '3600',
  'net.mptcp.allow_join_initial_addr_port': '1',
  'net.mptcp.checksum_enabled': '0',
}
const endpoint = (id: number, ...flags: Endpoint['flags']): Endpoint => ({
  id,
  address: `10.1.0.${id}`,
  interfaceIndex: 0,
  flags,
})
const GOOD: UpstreamState = {
  reason: undefined,
  sysctls: SYSCTLS,
  counters: new Map(),
  endpoints: [endpoint(1, 'subflow')],
  limits: { subflows: 2, addAddrAccepted: 2 },
  uplinks: [{ device: 'wlan0', address: '10.1.0.1' }],
}

/** The finding of this name when the rest is as it should be. */
function found(name: string, change: Partial<UpstreamState>): Finding | undefined {
  return upstreamFindings({ ...GOOD, ...change }).find((each) => each.name === name)
}

void t.test('all well', (t) => {
  t.strictSame(
    upstreamFindings(GOOD).map(({ level, mend }) => [level, mend]),
    Array.from({ length: 5 }, () => ['ok', undefined]),
  )
  t.end()
})

void t.test('MPTCP off: nothing else matters', (t) => {
  const sysctls = { ...SYSCTLS, 'net.mptcp.enabled': '0' }
  t.strictSame(upstreamFindings({ ...GOOD, reason: 'it is off', sysctls }), [
    { name: 'mptcp', level: 'problem', value: 'it is off', mend: 'sysctl -w net.mptcp.enabled=1' },
  ])
  t.strictSame(upstreamFindings({ ...GOOD, reason: 'denied' }), [
    { name: 'mptcp', level: 'problem', value: 'denied' },
  ])
  t.end()
})

void t.test('path manager', (t) => {
  const byName = { ...SYSCTLS, 'net.mptcp.path_manager': 'userspace' }
  t.match(found('path manager', { sysctls: byName }), {
    level: 'warning',
    mend: 'sysctl -w net.mptcp.path_manager=kernel',
  })
  const older: Record<string, string> = Object.fromEntries(
    Object.entries(SYSCTLS).filter(([name]) => name !== 'net.mptcp.path_manager'),
  )
  t.match(found('path manager', { sysctls: older }), { level: 'ok' })
  t.match(found('path manager', { sysctls: { ...older, 'net.mptcp.pm_type': '1' } }), {
    level: 'warning',
    mend: 'sysctl -w net.mptcp.pm_type=0',
  })
  t.end()
})

void t.test('endpoints', (t) => {
  const uplinks = [
    { device: 'wlan0', address: '10.1.0.1' },
    { device: 'wwan0', address: '2001:db8::2' },
    { device: 'eth0', address: '10.3.0.1' },
  ]
  t.match(found('endpoints', { endpoints: [], uplinks }), {
    level: 'warning',
    value:
      /3 uplinks: wlan0 10\.1\.0\.1, wwan0 2001:db8::2, eth0 10\.3\.0\.1; mptk apply sets one for each, or by hand:$/,
    mend:
      'ip mptcp limits set subflows 3 add_addr_accepted 2 && ip mptcp endpoint add 10.1.0.1 dev wlan0 subflow && ' +
      'ip mptcp endpoint add 2001:db8::2 dev wwan0 subflow && ip mptcp endpoint add 10.3.0.1 dev eth0 subflow',
  })
  t.match(found('endpoints', { endpoints: [] }), { level: 'info', mend: undefined })
  t.match(found('endpoints', { endpoints: undefined }), { level: 'info', value: /CAP_NET_ADMIN/ })
  t.match(found('endpoints', { endpoints: [endpoint(1, 'subflow', 'backup')] }), {
    level: 'ok',
    value: '10.1.0.1 id 1 subflow backup',
  })
  t.end()
})

void t.test('limits', (t) => {
  const four = [1, 2, 3, 4].map((id) => endpoint(id, 'subflow'))
  t.match(found('limits', { endpoints: four }), {
    level: 'warning',
    mend: 'ip mptcp limits set subflows 4 add_addr_accepted 2',
  })
  t.match(found('limits', { endpoints: four.slice(1) }), { level: 'ok' })
  t.match(found('limits', { limits: { subflows: 0, addAddrAccepted: 2 } }), { level: 'warning' })
  t.match(found('limits', { limits: { subflows: 2, addAddrAccepted: 0 } }), {
    level: 'info',
    mend: /add_addr_accepted 2/,
  })
  t.end()
})

void t.test('two findings never give contradicting commands', (t) => {
  for (const count of [2, 3, 5, 9]) {
    const uplinks = Array.from({ length: count }, (_, index) => ({
      device: `eth${index}`,
      address: `10.1.0.${index}`,
    }))
    for (const limits of [
      { subflows: 0, addAddrAccepted: 0 },
      { subflows: 0, addAddrAccepted: 8 },
      { subflows: 1, addAddrAccepted: 0 },
    ]) {
      const mends = upstreamFindings({ ...GOOD, endpoints: [], uplinks, limits }).flatMap(({ mend }) => {
        const subflows = /limits set subflows (\d+)/.exec(mend ?? '')?.[1]
        return subflows === undefined ? [] : [subflows]
      })
      t.equal(mends.length, 2, 'of endpoints and of limits')
      t.equal(new Set(mends).size, 1, mends.join(' and '))
    }
  }
  t.end()
})

void t.test('a LAN is no uplink: default routes tell', (t) => {
  const ipv4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
lan\t004DA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
half\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
gone\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
`
  const zero = '0'.repeat(32)
  const route = (to: string, length: string, flags: string, device: string): string =>
    `${to} ${length} ${zero} 00 ${zero} 00000400 00000001 00000000 ${flags} ${device}\n`
  const ipv6 =
    route(zero, '00', '00450003', 'cell') +
    route(zero, '00', '00200200', 'lo') +
    route(`fd00${'0'.repeat(28)}`, '40', '00000001', 'lan')
  t.strictSame([...defaultRouteDevices(ipv4, ipv6)], ['wlan', 'cell'])
  t.strictSame([...defaultRouteDevices()], [])
  t.end()
})

void t.test('sysctls that matter', (t) => {
  const set = (name: string, value: string): Finding | undefined =>
    found(name, { sysctls: { ...SYSCTLS, [name]: value } })
  t.match(set('net.mptcp.allow_join_initial_addr_port', '0'), { level: 'info' })
  t.match(set('net.mptcp.checksum_enabled', '1'), { level: 'info' })
  t.match(set('net.mptcp.stale_loss_cnt', '0'), { level: 'warning' })
  t.equal(set('net.mptcp.stale_loss_cnt', '4'), undefined, 'of no interest without a backup endpoint')
  t.match(found('net.mptcp.stale_loss_cnt', { endpoints: [endpoint(1, 'backup')] }), { level: 'info' })
  t.end()
})

void t.test('blackhole: a hint when it has happened, not a fact', (t) => {
  const counters = new Map([
    ['Blackhole', 2],
    ['MPCapableSYNTXDisabled', 5],
  ])
  t.match(found('net.mptcp.blackhole_timeout', { counters }), {
    level: 'warning',
    value: /2 times.*may.*5 did/,
    mend: 'sysctl -w net.mptcp.blackhole_timeout=3600',
  })
  const sysctls = { ...SYSCTLS, 'net.mptcp.blackhole_timeout': '0' }
  t.equal(found('net.mptcp.blackhole_timeout', { counters, sysctls }), undefined, 'switched off')
  t.end()
})

void t.test('fallbacks', (t) => {
  const counters = new Map([
    ['MPCapableSYNTX', 10],
    ['MPCapableFallbackSYNACK', 4],
  ])
  t.match(found('fallbacks', { counters }), { level: 'info', value: /^4 of 10 / })
  t.end()
})

void t.test('counters', (t) => {
  const netstat = 'TcpExt: A B\nTcpExt: 1 2\nMPTcpExt: Blackhole MPCurrEstab\nMPTcpExt: 3 4\n'
  t.strictSame(
    [...parseNetstat(netstat, 'MPTcpExt')],
    [
      ['Blackhole', 3],
      ['MPCurrEstab', 4],
    ],
  )
  t.strictSame([...parseNetstat('', 'MPTcpExt')], [])
  t.strictSame(
    [...parseSnmp('MPCapableSYNRX                  \t7\nMPJoinSynTx  \t0\n')],
    [
      ['MPCapableSYNRX', 7],
      ['MPJoinSynTx', 0],
    ],
  )
  t.end()
})

void t.test('releases', (t) => {
  for (const [version, before] of [
    ['4.19.126.mptcp', true],
    ['5.4.0-42-generic', true],
    ['5.6.0', false],
    ['5.10.0-8-amd64', false],
    ['6.18.44-fc', false],
  ] as const) {
    t.equal(isBefore(version, [5, 6]), before, version)
  }
  t.end()
})

void t.test('the report as text', (t) => {
  const findings: Finding[] = [
    { name: 'kernel', level: 'ok', value: 'Linux' },
    { name: 'endpoints', level: 'warning', value: 'none', mend: 'ip mptcp endpoint add' },
  ]
  t.equal(
    formatReport({ findings, mptcp: false } as KernelReport),
    [
      'ok    kernel     Linux',
      'WARN  endpoints  none',
      '                 $ ip mptcp endpoint add',
      '',
      'MPTCP cannot be used here; connections will be TCP.',
      '',
    ].join('\n'),
  )
  t.end()
})
