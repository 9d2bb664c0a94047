/** `mptk run` with uplinks: what it sets, what it leaves alone, and what stays when it ends. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { Namespace } from '../../support/netns.js'
import { start, type Command } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

/** A namespace with two uplinks whose far ends are in it too, without IPv6: no waiting for addresses. */
function client(t: Test): Namespace {
  const here = new Namespace(t, 'keeper')
  here.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
  for (const [name, n] of [
    ['wlan', 1],
    ['cell', 2],
  ] as const) {
    here.run('ip', 'link', 'add', 'name', name, 'type', 'veth', 'peer', 'name', `far${n}`)
    for (const each of [name, `far${n}`]) here.run('ip', 'link', 'set', 'dev', each, 'up')
    here.run('ip', 'address', 'add', `10.73.${n}.2/24`, 'dev', name)
    here.run('ip', 'route', 'add', 'default', 'via', `10.73.${n}.1`, 'dev', name, 'metric', `${n}00`)
  }
  return here
}

function run(t: Test, here: Namespace, uplinks: object, prefix: string[] = here.prefix): Command {
  const file = join(scratchFolder(t), 'mptk.yaml')
  const config = {
    host: { setup: 'client', uplinks },
    services: [{ type: 'socks5', listen: '127.0.0.1:1080' }],
    status: { listen: '127.0.0.1:9400' },
    log: { format: 'json', level: 'debug' },
  }
  writeFileSync(file, stringify(config))
  return start(t, ['run', '--config', file], { prefix })
}

const endpoints = (here: Namespace): string =>
  here
    .run('ip', 'mptcp', 'endpoint', 'show')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ')
const rules = (here: Namespace): string[] =>
  [...here.run('ip', 'rule', 'show').matchAll(/^52\d\d:\s+(.*)$/gm)].map((match) => match[1]?.trim() ?? '')
const table = (here: Namespace, number: number): string =>
  here
    .run('ip', 'route', 'show', 'table', 'all')
    .match(new RegExp(`.*table ${number}.*`, 'g'))
    ?.join('; ') ?? ''

async function untilEndpoints(here: Namespace, expected: string): Promise<void> {
  await until('endpoints', () => (endpoints(here) === expected ? undefined : endpoints(here)))
}

const WLAN = '10.73.1.2 id 200 subflow fullmesh dev wlan'
const CELL = '10.73.2.2 id 202 subflow backup fullmesh dev cell'
const WLAN_RULES = ['from 10.73.1.2 lookup main suppress_prefixlength 0', 'from 10.73.1.2 lookup 5200']
const CELL_RULES = ['from 10.73.2.2 lookup main suppress_prefixlength 0', 'from 10.73.2.2 lookup 5201']

void t.test('an uplink goes down, loses its carrier, its gateway, its address, and comes back', async (t) => {
  const here = client(t)
  const command = run(t, here, { wlan: {}, cell: { role: 'backup' } })
  await command.addressOf('status')
  t.equal(endpoints(here), `${WLAN}; ${CELL}`)
  t.strictSame(rules(here), [...WLAN_RULES, ...CELL_RULES])
  t.match(table(here, 5200), /default via 10\.73\.1\.1 dev wlan table 5200/)

  const loses = async (what: string, ...change: string[]): Promise<void> => {
    here.run('ip', ...change)
    await untilEndpoints(here, CELL)
    await until('rules', () => (rules(here).join() === CELL_RULES.join() ? undefined : rules(here).join()))
    await until(`${what}: table 5200 empty`, () => table(here, 5200) || undefined)
    t.equal(endpoints(here), CELL, what)
  }
  const regains = async (...changes: string[][]): Promise<void> => {
    for (const change of changes) here.run('ip', ...change)
    await untilEndpoints(here, `${WLAN}; ${CELL}`)
    t.strictSame(rules(here), [...WLAN_RULES, ...CELL_RULES])
    t.match(table(here, 5200), /default via 10\.73\.1\.1 dev wlan table 5200/)
  }
  const route = ['default', 'via', '10.73.1.1', 'dev', 'wlan', 'metric', '100']
  await loses('down', 'link', 'set', 'dev', 'wlan', 'down')
  await regains(['link', 'set', 'dev', 'wlan', 'up'], ['route', 'add', ...route])
  await loses('no carrier', 'link', 'set', 'dev', 'far1', 'down')
  await regains(['link', 'set', 'dev', 'far1', 'up'])
  await loses('no gateway', 'route', 'delete', ...route)
  await regains(['route', 'add', ...route])
  // the fourth loss in a short time: it must prove itself, which until() waits for
  await loses('no address', 'address', 'delete', '10.73.1.2/24', 'dev', 'wlan')
  await regains(['address', 'add', '10.73.1.2/24', 'dev', 'wlan'], ['route', 'add', ...route])

  const metrics = here.run('curl', '-sS', 'http://127.0.0.1:9400/metrics')
  t.match(metrics, /^mptk_uplink_up\{uplink="wlan"\} 1$/m)
  t.match(metrics, /^mptk_uplink_changes_total\{uplink="wlan"\} \d+$/m)
  command.signal('SIGTERM')
  t.match(await command.ended, { code: 0 })
  t.equal(endpoints(here), `${WLAN}; ${CELL}`, 'all stays when mptk ends')
  t.strictSame(rules(here), [...WLAN_RULES, ...CELL_RULES])

  here.run('ip', 'link', 'set', 'dev', 'wlan', 'down')
  t.equal(endpoints(here), `${WLAN}; ${CELL}`, 'and nobody watches')
  const again = run(t, here, { wlan: {}, cell: { role: 'backup' } })
  await again.addressOf('status')
  t.equal(endpoints(here), CELL, 'put right at the start')
  t.match(JSON.parse(here.run('curl', '-sS', 'http://127.0.0.1:9400/status')), {
    uplinks: [
      { name: 'wlan', role: 'normal', state: 'down', gateways: [], endpoints: [] },
      {
        name: 'cell',
        role: 'backup',
        state: 'up',
        addresses: ['10.73.2.2'],
        gateways: ['10.73.2.1'],
        endpoints: [202],
      },
    ],
  })
})

void t.test('what somebody else takes away, also where nothing was applied', async (t) => {
  const here = client(t)
  const command = run(t, here, { wlan: {}, cell: { role: 'backup' } })
  await command.addressOf('status')
  for (const priority of [5202, 5203, 5204, 5205]) here.run('ip', 'rule', 'delete', 'priority', `${priority}`)
  await until('rules', () =>
    rules(here).join() === [...WLAN_RULES, ...CELL_RULES].join() ? undefined : rules(here).join(),
  )
  await command.stderr.find(
    /"level":"warn".*rule 5203 ipv4 was changed by somebody \(unknown\), found nothing: set again/,
  )
  here.run('ip', 'route', 'flush', 'table', '5200')
  await until('table 5200', () =>
    /default via 10\.73\.1\.1 dev wlan/.test(table(here, 5200)) ? undefined : 'empty',
  )
  here.run('ip', 'mptcp', 'endpoint', 'flush')
  await untilEndpoints(here, `${WLAN}; ${CELL}`)
  const metrics = here.run('curl', '-sS', 'http://127.0.0.1:9400/metrics')
  for (const kind of ['rule', 'route-table', 'endpoint']) {
    t.match(metrics, new RegExp(`^mptk_mended_total\\{kind="${kind}"\\} [1-9]`, 'm'))
  }

  // two modems that give out the same address: the second one is shown as what it is
  here.run('ip', 'address', 'flush', 'dev', 'cell')
  here.run('ip', 'address', 'add', '10.73.1.2/24', 'dev', 'cell')
  here.run('ip', 'route', 'replace', 'default', 'via', '10.73.1.1', 'dev', 'cell', 'metric', '200')
  await untilEndpoints(here, WLAN)
  const shown = (): { state: string; endpoints: number[] }[] =>
    (
      JSON.parse(here.run('curl', '-sS', 'http://127.0.0.1:9400/status')) as {
        uplinks: ReturnType<typeof shown>
      }
    ).uplinks
  await until('its state', () =>
    shown()[1]?.state === 'same address as wlan' ? undefined : shown()[1]?.state,
  )
  t.match(shown(), [
    { state: 'up', endpoints: [200] },
    { state: 'same address as wlan', endpoints: [] },
  ])
  // in one subnet, with addresses of their own, both are used
  here.run('ip', 'address', 'flush', 'dev', 'cell')
  here.run('ip', 'address', 'add', '10.73.1.3/24', 'dev', 'cell')
  here.run('ip', 'route', 'replace', 'default', 'via', '10.73.1.1', 'dev', 'cell', 'metric', '200')
  await untilEndpoints(here, `${WLAN}; 10.73.1.3 id 202 subflow backup fullmesh dev cell`)
  t.match(here.run('ip', 'route', 'get', '10.99.9.9', 'from', '10.73.1.3'), /via 10\.73\.1\.1 dev cell/)
  await command.stderr.find(/is the address of wlan too/)
  t.equal([...command.stderr.text.matchAll(/is the address of wlan too/g)].length, 1, 'told once')
})

void t.test('what others set, and uplinks that are off, are left alone', async (t) => {
  const here = client(t)
  here.run('ip', 'mptcp', 'endpoint', 'add', '10.73.1.2', 'id', '7', 'dev', 'wlan', 'signal')
  here.run('ip', 'rule', 'add', 'from', '10.9.9.9', 'priority', '5100', 'table', '99')
  const command = run(t, here, { wlan: {}, cell: { role: 'off' } })
  await command.addressOf('status')
  t.equal(endpoints(here), '10.73.1.2 id 7 signal dev wlan')
  t.strictSame(rules(here), WLAN_RULES)
  await command.stderr.find(/endpoint 7 10\.73\.1\.2 was set by somebody else/)
  here.run('ip', 'link', 'set', 'dev', 'wlan', 'down')
  await until('rules', () => (rules(here).length === 0 ? undefined : rules(here).join()))
  t.equal(endpoints(here), '10.73.1.2 id 7 signal dev wlan')
  t.match(here.run('ip', 'rule', 'show'), /^5100:\s+from 10\.9\.9\.9 lookup 99/m)
})

void t.test('without CAP_NET_ADMIN: one warning, and the services run', async (t) => {
  const here = client(t)
  const bare = [...here.prefix, 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']
  const command = run(t, here, { wlan: {} }, bare)
  await command.addressOf('status')
  await command.stderr.find(/uplinks are not kept right .* CAP_NET_ADMIN/)
  t.equal(endpoints(here), '')
  t.notOk('uplinks' in (JSON.parse(here.run('curl', '-sS', 'http://127.0.0.1:9400/status')) as object))
})
