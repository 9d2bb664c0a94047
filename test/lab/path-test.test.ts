/**
 * `mptk doctor path` against middleboxes made with nftables, one path at a time:
 *
 *     near ── 10.92.1.0/24 ═ wlan ── wlan router ── 10.92.2.0/24 ──┐
 *          ── 10.92.3.0/24 ═ cell ── cell router ── 10.92.4.0/24 ──┴─ far (10.92.9.9)
 *
 * The cell router misbehaves; two default routes and no source routing, as on most laptops.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { PathTestResult } from '../../src/paths/path-test.js'
import type { PathVerdict } from '../../src/paths/path-verdict.js'
import { parseNetstat } from '../../src/kernel/counters.js'
import { Namespace } from '../support/netns.js'
import { run, start, type Command, type Ended } from '../support/process.js'
import { scratchFolder } from '../support/scratch.js'
import { runTool } from '../support/tools.js'

const FAR = '10.92.9.9'

interface Network {
  near: Namespace
  far: Namespace
  wlan: Namespace
  cell: Namespace
}

function network(t: Test): Network {
  const [near, far] = [new Namespace(t, 'near'), new Namespace(t, 'far')]
  const path = (name: string, a: number, b: number): Namespace => {
    const router = new Namespace(t, name)
    near.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'near', 'netns', router.name)
    far.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'far', 'netns', router.name)
    const addresses = [
      [near, name, `10.92.${a}.1/24`],
      [router, 'near', `10.92.${a}.2/24`],
      [router, 'far', `10.92.${b}.1/24`],
      [far, name, `10.92.${b}.2/24`],
    ] as const
    for (const [host, device, address] of addresses) {
      host.run('ip', 'address', 'add', address, 'dev', device)
      host.run('ip', 'link', 'set', device, 'up')
    }
    router.setSysctl('net.ipv4.ip_forward', 1)
    router.run('ip', 'route', 'add', FAR, 'via', `10.92.${b}.2`)
    near.run('ip', 'route', 'add', 'default', 'via', `10.92.${a}.2`, 'metric', String(100 * a))
    far.run('ip', 'route', 'add', `10.92.${a}.0/24`, 'via', `10.92.${b}.1`)
    return router
  }
  const wlan = path('wlan', 1, 2)
  const cell = path('cell', 3, 4)
  far.run('ip', 'address', 'add', `${FAR}/32`, 'dev', 'lo')
  near.run('ip', 'mptcp', 'endpoint', 'add', '10.92.1.1', 'dev', 'wlan', 'subflow')
  near.run('ip', 'mptcp', 'endpoint', 'add', '10.92.3.1', 'dev', 'cell', 'subflow')
  return { near, far, wlan, cell }
}

/** Replaces what a router does to packets that it forwards. */
function middlebox(router: Namespace, ...rules: string[]): void {
  router.run('nft', 'flush', 'ruleset')
  if (rules.length === 0) return
  const body = rules.map((rule) => `add rule ip box forward ${rule}`)
  const chain = 'add chain ip box forward { type filter hook forward priority 0; }'
  router.run('nft', ['add table ip box', chain, ...body].join('; '))
}

const MANUAL = readFileSync(new URL('../../docs/path-test.md', import.meta.url), 'utf8')

function block(language: string): string {
  const [, body] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(MANUAL) ?? []
  if (body === undefined) throw new Error(`docs/path-test.md has no block of ${language}`)
  return body
}

/** As the manual tells to write them. */
function farServices(): object[] {
  return (parse(block('yaml')) as { services: object[] }).services
}

async function farEnd(t: Test, far: Namespace): Promise<Command> {
  const file = join(scratchFolder(t), 'far.yaml')
  const socks5 = { type: 'socks5', listen: '0.0.0.0:1080', anonymous: true }
  writeFileSync(file, JSON.stringify({ services: [socks5, ...farServices()] }))
  const command = start(t, ['run', '--config', file], { prefix: far.prefix })
  await command.addressOf('path-test')
  await command.addressOf('socks5')
  return command
}

function doctor(t: Test, near: Namespace, ...args: string[]): Promise<Ended> {
  return run(t, ['doctor', 'path', ...args], { prefix: near.prefix })
}

/** Both uplinks, two repetitions, as data. */
async function pathTest(t: Test, near: Namespace, to = FAR) {
  const ended = await doctor(t, near, '--to', to, '--repeat', '2', '--json')
  if (ended.stdout === '') throw new Error(ended.stderr)
  const result = JSON.parse(ended.stdout) as PathTestResult
  const [wlan, cell] = ['wlan', 'cell'].map((name) => result.uplinks.find(({ device }) => device === name))
  if (wlan === undefined || cell === undefined) throw new Error(`two uplinks expected in ${ended.stdout}`)
  return { ...result, code: ended.code, wlan, cell }
}

/** What the kernel of a host has counted of black holes. */
function blackHoleCounters(host: Namespace): (number | undefined)[] {
  const counters = parseNetstat(host.run('cat', '/proc/net/netstat'), 'MPTcpExt')
  return ['Blackhole', 'MPCapableSYNTXDrop', 'MPCapableSYNTXDisabled'].map((name) => counters.get(name))
}

const SYN = 'tcp flags & (syn | ack) == syn'
const SYNACK = 'tcp flags & (syn | ack) == (syn | ack)'
const DATA = 'tcp flags & syn == 0 ip length > 200'
const STRIP = 'reset tcp option mptcp'

/** Fallback, unless the kernel added the other uplink's subflow before the data: then only this path's subflow ends. */
const AFTER_DATA = /^MPTCP when connected, (TCP after data|the subflow closed by data)$/

interface Case {
  name: string
  rules: string[]
  verdict: PathVerdict
  near: RegExp
  far: RegExp
  /** Of the cell uplink; of wlan it is always tested. */
  join?: 'yes' | 'no'
}

/** What the cell router does, and what must be said of it. */
const CASES: Case[] = [
  {
    name: 'nothing',
    rules: [],
    verdict: 'passes',
    near: /^MPTCP when .* and after data$/,
    far: /^MPTCP when .* and after data$/,
    join: 'yes',
  },
  {
    name: 'strips SYNs',
    rules: [`${SYN} ${STRIP}`],
    verdict: 'stripped-syn',
    near: /^SYN\/ACK without MPTCP$/,
    far: /^SYN without MPTCP$/,
    join: 'no',
  },
  {
    name: 'strips SYN/ACKs',
    rules: [`${SYNACK} ${STRIP}`],
    verdict: 'stripped-synack',
    near: /^SYN\/ACK without MPTCP$/,
    far: /^SYN with MPTCP, ACK without$/,
    join: 'no',
  },
  {
    name: 'strips data',
    rules: [`${DATA} ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^MPTCP .*after data$/,
  },
  {
    name: 'strips all but SYNs',
    rules: [`tcp flags & syn == 0 ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^SYN with MPTCP, ACK without$/,
    join: 'no',
  },
  {
    name: 'strips data from the far end',
    rules: [`iifname far ${DATA} ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^MPTCP .*after data$/,
  },
  {
    name: 'drops SYNs with MPTCP',
    rules: [`${SYN} tcp option mptcp exists drop`],
    verdict: 'dropped',
    near: /^SYN with MPTCP unanswered \(no answer within 2500 ms\), TCP connected$/,
    far: /^no SYN with MPTCP$/,
    join: 'no',
  },
  {
    name: 'drops SYN/ACKs with MPTCP',
    rules: [`${SYNACK} tcp option mptcp exists drop`],
    verdict: 'dropped',
    near: /unanswered/,
    far: /^SYN with MPTCP \(\d+\), no connection$/,
    join: 'no',
  },
  {
    name: 'resets SYNs with MPTCP',
    rules: [`${SYN} tcp option mptcp exists reject with tcp reset`],
    verdict: 'reset',
    near: /^SYN with MPTCP refused \(.*ECONNREFUSED.*\), TCP connected$/,
    far: /^no SYN with MPTCP$/,
    join: 'no',
  },
  {
    name: 'drops joins',
    rules: [`${SYN} tcp option mptcp subtype 1 drop`],
    verdict: 'passes',
    near: /after data$/,
    far: /after data$/,
    join: 'no',
  },
  {
    name: 'drops everything',
    rules: ['meta l4proto tcp drop'],
    verdict: 'no-tcp',
    near: /unanswered.*TCP not connected/,
    far: /^not heard$/,
  },
]

void t.test('each middlebox by its name, and the other uplink passes', async (t) => {
  const { near, far, cell } = network(t)
  await farEnd(t, far)
  const before = blackHoleCounters(near)
  for (const { name, rules, verdict, near: nearWords, far: farWords, join } of CASES) {
    middlebox(cell, ...rules)
    const result = await pathTest(t, near)
    t.equal(result.cell.verdict, verdict, `${name}: ${verdict}`)
    t.match(result.cell.near, nearWords, `${name}: this end`)
    t.match(result.cell.far, farWords, `${name}: the far end`)
    if (join !== undefined) t.equal(result.cell.join.join, join, `${name}: join ${join}`)
    t.equal(result.wlan.verdict, 'passes', `${name}: wlan passes`)
    t.equal(result.code, verdict === 'passes' && join !== 'no' ? 0 : 1, `${name}: exit code`)
    t.strictSame(result.blackHole, { timeout: 3600, foundOff: false, wentOff: 0 }, `${name}: MPTCP stays on`)
  }
  t.strictSame(blackHoleCounters(near), before, 'the kernel has seen no black hole')
})

void t.test('a NAT, a far end that is something else, and one without MPTCP', async (t) => {
  const { near, far, cell } = network(t)
  const command = await farEnd(t, far)
  cell.run(
    'nft',
    'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname far masquerade',
  )
  const natted = await pathTest(t, near)
  t.match(natted.cell, {
    verdict: 'passes',
    nat: true,
    seen: { address: '10.92.4.1' },
    join: { join: 'yes' },
  })
  t.match(natted.wlan, {
    verdict: 'passes',
    nat: false,
    seen: { address: '10.92.1.1' },
    join: { join: 'yes' },
  })

  const proxy = await pathTest(t, near, `${FAR}:1080`)
  t.match([proxy.wlan.verdict, proxy.cell.verdict], ['no-answer', 'no-answer'])
  const nobody = await pathTest(t, near, `${FAR}:9`)
  t.match([nobody.wlan.verdict, nobody.cell.verdict], ['no-tcp', 'no-tcp'])

  command.signal('SIGTERM')
  await command.ended
  far.setSysctl('net.mptcp.enabled', 0)
  await farEnd(t, far)
  middlebox(cell, `${SYN} tcp option mptcp exists reject with tcp reset`)
  const plain = await pathTest(t, near)
  t.match(plain.wlan, {
    verdict: 'peer-without-mptcp',
    far: /^listens without MPTCP: net\.mptcp\.enabled is 0/,
  })
  t.equal(plain.cell.verdict, 'reset', 'which no far end is needed for')
})

void t.test('a black hole found is mended and told, and one of our own is noticed', async (t) => {
  const { near, far, cell } = network(t)
  await farEnd(t, far)
  middlebox(cell, `${SYN} tcp option mptcp exists drop`)
  near.setSysctl('net.mptcp.syn_retrans_before_tcp_fallback', 0)
  // the connection that comes too late: MPTCP is off for all uplinks from now on
  await runTool('ip', [
    ...near.prefix.slice(1),
    'mptcpize',
    'run',
    'curl',
    '-s',
    '-m',
    '3',
    '--interface',
    'cell',
    `http://${FAR}:5211`,
  ])
  t.equal(blackHoleCounters(near)[0], 1, 'the switch is tripped')
  const ended = await doctor(t, near, '--to', FAR, '--uplink', 'wlan', '--uplink', 'cell')
  t.equal(ended.code, 1)
  t.match(ended.stdout, /^wlan: passes$/m)
  t.match(ended.stdout, /^cell: dropped$/m)
  t.match(
    ended.stdout,
    /^ {2}this end saw: SYN with MPTCP unanswered \(no answer within 500 ms\), TCP connected$/m,
  )
  t.match(
    ended.stdout,
    /^Before the test the kernel had taken MPTCP away \(net\.mptcp\.blackhole_timeout, 3600 s\)/m,
  )
  t.equal(near.run('sysctl', '-n', 'net.mptcp.blackhole_timeout').trim(), '3600', 'as it was')
  t.equal(blackHoleCounters(near)[0], 1, 'tripped once, and not by the test')
})

void t.test('uplinks are those of the configuration, or those with a route', async (t) => {
  const { near, far } = network(t)
  await farEnd(t, far)
  const file = join(scratchFolder(t), 'near.yaml')
  const services = [{ type: 'socks5', listen: '127.0.0.1:0' }]
  const uplinks = { cell: {}, wlan: { role: 'off' }, lte: {} }
  writeFileSync(file, JSON.stringify({ services, host: { setup: 'client', uplinks } }))
  const configured = await doctor(t, near, '--to', FAR, '--config', file)
  t.match(configured.stdout, /^cell: passes$/m)
  t.match(
    configured.stdout,
    /^lte: no-tcp\n {2}this end saw: lte is down, missing, or without a global IPv4 address$/m,
  )
  t.notMatch(configured.stdout, /^wlan:/m)
  t.match(configured.stdout, /join not tested: there is no other uplink over which MPTCP passes/)

  const [mptk, ...manual] = block('sh').trim().split(' ')
  t.equal(mptk, 'mptk')
  const both = await run(t, manual, { prefix: near.prefix })
  t.match([both.code, both.stdout], [0, /^path test to 10\.92\.9\.9:5211, 3 repetitions\n/])
  t.match(both.stdout, /^wlan: passes\n[^]*^cell: passes\n/m)

  near.run('ip', 'route', 'delete', 'default', 'dev', 'cell')
  const routed = await doctor(t, near, '--to', FAR)
  t.match([routed.code, routed.stdout], [0, /^wlan: passes$/m])
  t.notMatch(routed.stdout, /^cell:/m)
  near.run('ip', 'route', 'delete', 'default', 'dev', 'wlan')
  t.match(await doctor(t, near, '--to', FAR), {
    code: 1,
    stderr: /^mptk: no interface with an address and a route to 10\.92\.9\.9:5211$/m,
  })
  near.setSysctl('net.mptcp.enabled', 0)
  t.match(await doctor(t, near, '--to', FAR), {
    code: 1,
    stderr: /MPTCP cannot be used here: net\.mptcp\.enabled is 0/,
  })
})
