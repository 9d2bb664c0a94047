/**
 * Descriptions against hosts that are really there: what is read of them, what is refused before
 * anything is changed, what is warned of. The namespace has two uplinks and a LAN, each a veth
 * whose far end is in a namespace of its own.
 */
import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { readFacts } from '../../../provisioning/probe.js'
import { checkConfig } from '../../../src/config/load.js'
import { localRunner } from '../../../src/exec.js'
import { netnsRunner } from '../../../src/exec-netns.js'
import { hostStateOf } from '../../support/host-state.js'
import { Namespace } from '../../support/netns.js'
import { run } from '../../support/process.js'
import { until } from '../../support/until.js'

const LINKS = { wlan: '10.85.1', cell: '10.85.2', lan: '192.168.85' }

function network(t: Test): Namespace {
  const [home, far] = [new Namespace(t, 'home'), new Namespace(t, 'far')]
  // addresses that are being tested for duplicates look different a second later
  home.run('sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0')
  for (const [device, prefix] of Object.entries(LINKS)) {
    home.run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', far.name)
    home.run('ip', 'address', 'add', `${prefix}.2/24`, 'dev', device)
    for (const side of [home, far]) side.run('ip', 'link', 'set', device, 'up')
  }
  home.run('ip', 'route', 'add', 'default', 'via', '10.85.1.1', 'metric', '100')
  home.run('ip', 'route', 'add', 'default', 'via', '10.85.2.1', 'metric', '200')
  return home
}

const upstream = { type: 'socks5', address: '10.85.9.9:1080' }
const socks5 = { type: 'socks5', listen: '127.0.0.1:1080', upstream }
const client = { setup: 'client', uplinks: { wlan: {}, cell: {} } }

function configuration(host: object, services: object[] = [socks5]): object {
  return { services, host }
}

async function write(folder: string, config: object): Promise<string> {
  const file = join(folder, 'mptk.yaml')
  await writeFile(file, stringify(config))
  return file
}

void t.test('facts', async (t) => {
  const home = network(t)
  home.run('ip', 'mptcp', 'endpoint', 'add', '10.85.1.2', 'id', '7', 'signal')
  home.run('ip', 'rule', 'add', 'priority', '77', 'from', '10.85.7.7', 'lookup', '777')
  home.run('ip', 'link', 'set', 'cell', 'down')
  home.run('nft', 'add table inet filter')
  home.run('nft', 'add chain inet filter input { type filter hook input priority 0; policy drop; }')
  home.run('nft', 'add rule inet filter input tcp dport { 22, 8000-8010 } accept')
  const config = checkConfig(configuration(client), 'test')
  const place = { runner: netnsRunner(localRunner, home.name), systemd: false, state: t.testdir() }
  const facts = await readFacts(place, config)
  t.match(facts, {
    flavour: 'upstream',
    initialNamespace: false,
    pathManagers: { current: 'kernel', available: ['kernel', 'userspace'] },
    schedulers: { current: 'default', available: ['default'] },
    endpoints: [{ id: 7, address: '10.85.1.2', flags: ['signal'] }],
    closedFirewalls: [
      {
        chain: 'inet filter input',
        accepts: [
          [22, 22],
          [8000, 8010],
        ],
      },
    ],
  })
  t.ok(facts.rules.some(({ family, priority, table }) => family === 4 && priority === 77 && table === 777))
  t.equal(facts.sysctls.get('net.mptcp.enabled'), '1')
  t.equal(facts.sysctls.get('net.ipv4.conf.wlan.forwarding'), '0')
  t.match(facts.programs.get('nft'), /^\/.*\/nft$/)
  const [wlan, cell] = ['wlan', 'cell'].map((name) => facts.interfaces.find((each) => each.name === name))
  t.match(wlan, {
    up: true,
    carrier: true,
    addresses: [{ family: 4, address: '10.85.1.2', prefixLength: 24 }],
    gateways: { 4: '10.85.1.1' },
  })
  t.match(cell, { up: false, carrier: false, gateways: {} })
})

void t.test('a wrong description is refused before anything changes', async (t) => {
  const home = network(t)
  home.run('ip', 'link', 'add', 'twin', 'type', 'veth', 'peer', 'name', 'twin-peer')
  for (const device of ['twin', 'twin-peer']) home.run('ip', 'link', 'set', device, 'up')
  home.run('ip', 'address', 'add', '10.85.1.2/24', 'dev', 'twin')
  const uplinks = client.uplinks
  const refusals: [string, object, RegExp][] = [
    [
      'scheduler',
      { ...client, uplinks: { wlan: {} }, mptcp: { scheduler: 'redundant' } },
      /^mptk: host\.mptcp\.scheduler: expected/,
    ],
    [
      'congestion',
      { ...client, uplinks: { wlan: {} }, mptcp: { congestion: 'olia' } },
      /^mptk: host\.mptcp\.congestion: expected/,
    ],
    [
      'interface',
      { ...client, uplinks: { ...uplinks, dsl: {} } },
      /^mptk: host\.uplinks\.dsl: expected an interface of this host \(.*wlan.*\), found none of that name/,
    ],
    [
      'address',
      { ...client, uplinks: { wlan: {}, twin: { gateway: '10.85.1.1' } } },
      /^mptk: host\.uplinks\.twin: expected an address of its own, found 10\.85\.1\.2, which wlan has too/,
    ],
    [
      'gateway',
      { ...client, uplinks: { wlan: {}, lan: {} } },
      /^mptk: host\.uplinks\.lan: expected a default route over lan or the key gateway/,
    ],
  ]
  for (let id = 1; id <= 7; id++)
    home.run('ip', 'mptcp', 'endpoint', 'add', `10.86.0.${id}`, 'id', `${id}`, 'signal')
  refusals.push(['endpoints', client, /^mptk: host\.uplinks: expected at most 8 endpoints, .*found 9/])
  const runner = netnsRunner(localRunner, home.name)
  const folder = t.testdir()
  const before = await hostStateOf(runner)
  for (const [name, host, says] of refusals) {
    const file = await write(folder, configuration(host))
    const state = join(folder, 'state')
    const args = ['--config', file, '--netns', home.name, '--state', state]
    const { code, stderr, stdout } = await run(t, ['apply', ...args])
    t.not(code, 0, name)
    t.match(stderr, says, name)
    t.equal(stdout, '', name)
  }
  t.equal(await hostStateOf(runner), before)
})

void t.test('the same host, described rightly: applied, and put back to the byte', async (t) => {
  const home = network(t)
  const runner = netnsRunner(localRunner, home.name)
  const folder = t.testdir()
  // of somebody else: stays
  home.run('ip', 'mptcp', 'endpoint', 'add', '10.85.1.2', 'id', '7', 'subflow')
  home.run('ip', 'rule', 'add', 'priority', '77', 'from', '10.85.7.7', 'lookup', '777')
  home.run('nft', 'add table inet theirs')
  const before = await hostStateOf(runner)
  const file = await write(folder, configuration(client))
  const place = ['--netns', home.name, '--state', join(folder, 'state')]
  const applied = await run(t, ['apply', '--config', file, ...place])
  t.equal(applied.code, 0, applied.stderr)
  t.match(applied.stdout, /endpoint 10\.85\.1\.2 is set already, by somebody else \(id 7, subflow\)/)
  t.match(home.run('ip', 'mptcp', 'endpoint'), /10\.85\.2\.2 id 202 subflow fullmesh dev cell/)
  // what leaves from the second uplink's address goes out of it, but for networks known better
  t.match(home.run('ip', 'route', 'get', '10.85.9.9', 'from', '10.85.2.2'), /via 10\.85\.2\.1 dev cell/)
  t.match(home.run('ip', 'route', 'get', '192.168.85.9', 'from', '10.85.2.2'), /dev lan/)
  const again = await run(t, ['apply', '--config', file, ...place])
  t.match(again.stdout, /^nothing to do: /m)
  const reverted = await run(t, ['revert', ...place])
  t.equal(reverted.code, 0, reverted.stderr)
  t.equal(await hostStateOf(runner), before)
})

void t.test('owners of the same settings, in this network namespace only', async (t) => {
  const [home, other] = [new Namespace(t, 'home'), new Namespace(t, 'other')]
  const folder = t.testdir()
  const program = join(folder, 'mptcpd')
  // only its name counts
  await copyFile('/bin/sleep', program)
  const place = { runner: netnsRunner(localRunner, home.name), systemd: false, state: folder }
  const owners = async (): Promise<string[]> =>
    (await readFacts(place, checkConfig(configuration(client), 'test'))).owners.map(({ name }) => name)
  for (const [where, expected] of [
    [other, []],
    [home, ['mptcpd']],
  ] as const) {
    const child = execFile('ip', ['netns', 'exec', where.name, program, '300'])
    try {
      await until('it runs', async () =>
        (await localRunner.run(['cat', `/proc/${child.pid ?? 0}/comm`], { reject: false })).stdout ===
        'mptcpd'
          ? undefined
          : 'not yet',
      )
      t.strictSame(await owners(), expected)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
})
