/**
 * What `mptk apply` has set, changed by somebody while `mptk run` or `mptk keep` runs: set again,
 * and told in log, status and metrics. The host is a router with two uplinks and a LAN whose far
 * ends are in a namespace of their own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { KeepersStatus } from '../../../provisioning/keep/keepers.js'
import { localRunner, type Runner } from '../../../src/exec.js'
import { netnsRunner } from '../../../src/exec-netns.js'
import { hostStateOf, stateChanges } from '../../support/host-state.js'
import { Namespace } from '../../support/netns.js'
import { run, start, type Command } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

const LINKS = { wlan: '10.84.1', cell: '10.84.2', lan: '192.168.84' }
const STATUS = 'http://127.0.0.1:9400'

function router(t: Test): Namespace {
  const [home, far] = [new Namespace(t, 'kept'), new Namespace(t, 'far')]
  for (const each of [home, far]) each.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
  for (const [device, prefix] of Object.entries(LINKS)) {
    home.run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', far.name)
    home.run('ip', 'address', 'add', `${prefix}.2/24`, 'dev', device)
    for (const side of [home, far]) side.run('ip', 'link', 'set', device, 'up')
  }
  home.run('ip', 'route', 'add', 'default', 'via', '10.84.1.1', 'metric', '100')
  home.run('ip', 'route', 'add', 'default', 'via', '10.84.2.1', 'metric', '200')
  return home
}

interface Scene {
  home: Namespace
  runner: Runner
  config: string
  state: string
  mptk: (command: string, ...more: string[]) => ReturnType<typeof run>
  /** All that provisioning may touch is as it was after the apply. */
  untilMended: (what: string) => Promise<void>
}

async function applied(t: Test, ...options: string[]): Promise<Scene> {
  const home = router(t)
  const runner = netnsRunner(localRunner, home.name)
  const folder = scratchFolder(t)
  const [config, state] = [join(folder, 'mptk.yaml'), join(folder, 'state')]
  const upstream = { type: 'socks5', address: '10.84.9.9:1080' }
  writeFileSync(
    config,
    stringify({
      host: {
        setup: 'router',
        uplinks: { wlan: {}, cell: { role: 'backup' } },
        lan: { interfaces: ['lan'], intercept: 'tproxy' },
        sysctls: { 'net.ipv4.tcp_keepalive_time': 600 },
        manager: 'none',
      },
      services: [{ type: 'transparent', listen: '0.0.0.0:5201', intercept: 'tproxy', upstream }],
      status: { listen: '127.0.0.1:9400' },
      log: { format: 'json', level: 'info' },
    }),
  )
  const place = ['--netns', home.name, '--state', state]
  const mptk: Scene['mptk'] = (command, ...more) => run(t, [command, ...place, ...more])
  // no process of it may outlive the namespace
  t.teardown(() => mptk('revert'))
  const done = await mptk('apply', '--config', config, ...options)
  t.equal(done.code, 0, done.stderr)
  const before = await hostStateOf(runner)
  return {
    home,
    runner,
    config,
    state,
    mptk,
    untilMended: (what) =>
      until(what, async () => stateChanges(before, await hostStateOf(runner)).join('; ') || undefined),
  }
}

const statusOf = (home: Namespace): KeepersStatus & { keeper?: { state: string } } =>
  JSON.parse(home.run('curl', '-sS', `${STATUS}/status`)) as KeepersStatus

function untilKept(home: Namespace): Promise<void> {
  return until('what is applied is kept', () => {
    const { kept } = statusOf(home)
    return kept?.state === 'applied' ? undefined : JSON.stringify(kept)
  })
}

void t.test('whatever somebody changes is set again', async (t) => {
  const { home, runner, state, mptk, untilMended } = await applied(t)
  await untilKept(home)
  const logged = (): string => readFileSync(join(state, 'mptk.log'), 'utf8')
  const changes: [kind: string, says: RegExp, ...commands: string[][]][] = [
    ['rule', /rule 5200 ipv4 was changed by somebody/, ['ip', 'rule', 'delete', 'priority', '5200']],
    [
      'rule',
      /rule 5203 ipv4 was changed by somebody/,
      ['ip', 'rule', 'delete', 'priority', '5203'],
      ['ip', 'rule', 'add', 'priority', '5203', 'from', '10.84.1.2', 'lookup', 'main'],
    ],
    ['route-table', /route table 5208 ipv4 was/, ['ip', 'route', 'flush', 'table', '5208']],
    ['route-table', /route table 5201 ipv4 was/, ['ip', 'route', 'flush', 'table', '5201']],
    ['endpoint', /mptcp endpoint 200 was/, ['ip', 'mptcp', 'endpoint', 'delete', 'id', '200']],
    ['endpoint', /mptcp endpoint 202 was/, ['ip', 'mptcp', 'endpoint', 'change', 'id', '202', 'nobackup']],
    [
      'limits',
      /mptcp limits was/,
      ['ip', 'mptcp', 'limits', 'set', 'subflows', '1', 'add_addr_accepted', '0'],
    ],
    ['nft-table', /nft table inet mptk was/, ['nft', 'delete', 'table', 'inet', 'mptk']],
    ['nft-table', /nft table inet mptk was/, ['nft', 'flush', 'chain', 'inet', 'mptk', 'forward']],
    [
      'sysctl',
      /sysctl net\.ipv4\.conf\.lan\.forwarding was/,
      ['sysctl', '-qw', 'net.ipv4.conf.lan.forwarding=0'],
    ],
    [
      'sysctl',
      /sysctl net\.ipv4\.tcp_keepalive_time was/,
      ['sysctl', '-qw', 'net.ipv4.tcp_keepalive_time=7200'],
    ],
  ]
  for (const [kind, says, ...commands] of changes) {
    const [log, count] = [logged().length, statusOf(home).kept?.mended[kind as 'rule'] ?? 0]
    for (const [command = '', ...words] of commands) home.run(command, ...words)
    const what = commands.map((words) => words.join(' ')).join('; ')
    await untilMended(what)
    await until(`${what}: told in the log`, () =>
      says.test(logged().slice(log)) ? undefined : logged().slice(log),
    )
    const { kept } = statusOf(home)
    t.ok((kept?.mended[kind as 'rule'] ?? 0) > count, `${what}: counted`)
    t.strictSame([kept?.failing, kept?.fighting], [[], []])
  }

  const others = [
    [32766, 'main'],
    [32767, 'default'],
  ].map(([priority, table]) => `ip rule add priority ${priority} lookup ${table} protocol kernel`)
  home.run('sh', '-c', ['ip rule flush', ...others, 'nft flush ruleset'].join('; '))
  await untilMended('all rules and tables at once')
  const last = statusOf(home).kept?.lastMended
  t.match(last, { at: String, id: /^(rule|nft table) / })
  t.match(home.run('curl', '-sS', `${STATUS}/metrics`), /^mptk_mended_total\{kind="nft-table"\} [3-9]$/m)

  // somebody who does not give in: as often as it comes back
  await until('a fight is named', () => {
    home.run('sh', '-c', 'ip rule delete priority 5205 2>/dev/null; true')
    return statusOf(home).kept?.fighting.includes('rule 5205 ipv4') === true ? undefined : 'no fight'
  })
  t.match(logged(), /rule 5205 ipv4: mended 10 times within 60 s: another program sets it otherwise/)
  await untilMended('the fight is over')

  const reverted = await mptk('revert')
  t.equal(reverted.code, 0, reverted.stderr)
  t.notMatch(await hostStateOf(runner), /\b(5200|5208|inet mptk)\b/, 'nothing is set again by a revert')
})

void t.test('a keeper of its own, and services without privileges', async (t) => {
  const { home, config, state, untilMended } = await applied(t, '--without-services')
  const file = join(scratchFolder(t), 'run/keep.json')
  const keep = start(t, ['keep', '--config', config, '--state', file, '--journal', state], {
    prefix: home.prefix,
  })
  await keep.stderr.find(/"msg":"keeping this host/)
  t.equal(home.run('stat', '-c', '%a', file).trim(), '644')
  const unprivileged = [...home.prefix, 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']
  const service = startService(t, config, file, unprivileged)
  await service.addressOf('status')
  await service.stderr.find(/the keeper keeps this host/)
  await untilKept(home)
  t.match(statusOf(home), {
    uplinks: [{ name: 'wlan', state: 'up', endpoints: [200] }],
    keeper: { state: 'keeps' },
  })
  t.match(home.run('curl', '-sS', `${STATUS}/metrics`), /^mptk_keeper_up 1$/m)

  home.run('ip', 'rule', 'delete', 'priority', '5200')
  home.run('ip', 'mptcp', 'endpoint', 'flush')
  await untilMended('by the keeper')
  await until('told by the service', () =>
    /^mptk_mended_total\{kind="rule"\} 1$/m.test(home.run('curl', '-sS', `${STATUS}/metrics`))
      ? undefined
      : 'not yet',
  )
  home.run('ip', 'link', 'set', 'cell', 'down')
  await service.stderr.find(/"level":"warn".*uplink cell: down/)
  await until('shown by the service', () =>
    statusOf(home).uplinks?.[1]?.state === 'down' ? undefined : JSON.stringify(statusOf(home).uplinks),
  )
  keep.signal('SIGTERM')
  t.match(await keep.ended, { code: 0 })
  await service.stderr.find(/the keeper has not told anything: nothing is kept right meanwhile/)
  t.match(statusOf(home), { keeper: { state: 'not there', file } })
})

function startService(t: Test, config: string, file: string, prefix: string[]): Command {
  return start(t, ['run', '--config', config, '--kept-by', file], { prefix })
}
