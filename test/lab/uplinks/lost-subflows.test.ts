/**
 * Subflows ended by a RST, as by a NAT that was restarted, come back:
 * ```
 *   curl ─TCP─▶ mptk, host.uplinks l1 l2 ══MPTCP══▶ mptk (proxy) ──TCP──▶ web, which never ends
 *   10.71.1.1, 10.71.2.1                            10.71.9.9
 * ```
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { join, Namespace } from '../../support/netns.js'
import { start, type Command } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

const PROXY = '10.71.9.9'
const STATUS = 'http://127.0.0.1:9400'

interface Scene {
  client: Namespace
  proxy: Namespace
  command: Command
}

async function scene(t: Test): Promise<Scene> {
  const [client, proxy] = [new Namespace(t, 'client'), new Namespace(t, 'proxy')]
  for (const each of [client, proxy]) each.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
  for (const n of [1, 2]) {
    join(client, proxy, n, `10.71.${n}`)
    client.run('ip', 'route', 'add', 'default', 'via', `10.71.${n}.2`, 'metric', `${n}00`)
  }
  proxy.run('ip', 'address', 'add', `${PROXY}/32`, 'dev', 'lo')
  for (const each of [client, proxy]) {
    each.run('ip', 'mptcp', 'limits', 'set', 'subflows', '8', 'add_addr_accepted', '8')
  }
  // a little all the time: a lost subflow is missed only by who would use it
  const web =
    "require('net').createServer((s) => { s.on('error', () => {}); const n = setInterval(() => s.write('x'.repeat(1e4)), 20); s.on('close', () => clearInterval(n)) })"
  await server(t, proxy, `${web}.listen(9000, '127.0.0.1', () => console.log('up'))`)
  const reverse = { type: 'reverse-tcp', listen: `${PROXY}:8080`, target: '127.0.0.1:9000' }
  await runMptk(t, proxy, { services: [{ ...reverse, egress: { transport: 'tcp' } }] })
  const command = await runMptk(t, client, {
    host: { setup: 'client', uplinks: { l1: {}, l2: {} } },
    services: [
      {
        type: 'reverse-tcp',
        listen: '127.0.0.1:1080',
        target: `${PROXY}:8080`,
        egress: { transport: 'mptcp' },
      },
    ],
  })
  return { client, proxy, command }
}

async function runMptk(t: Test, here: Namespace, config: object): Promise<Command> {
  const file = joinPath(scratchFolder(t), 'mptk.yaml')
  const common = { status: { listen: '127.0.0.1:9400' }, log: { format: 'json', level: 'info' } }
  writeFileSync(file, stringify({ ...config, ...common }))
  const command = start(t, ['run', '--config', file], { prefix: here.prefix })
  await command.addressOf('status')
  return command
}

async function server(t: Test, here: Namespace, script: string): Promise<void> {
  const [command, ...words] = [...here.prefix, process.execPath, '-e', script]
  const child = spawn(command, words, {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await once(child.stdout, 'data')
}

/** A connection that reads for ever. */
function download(t: Test, client: Namespace): Promise<void> {
  return server(
    t,
    client,
    "require('net').connect(1080, '127.0.0.1').once('data', () => console.log('up')).resume()",
  )
}

/** Local ports of established subflows to the proxy, by uplink. */
function subflows({ client }: Scene, uplink: 1 | 2): string[] {
  const found = client.run('ss', '-tnH', 'state', 'established', 'dst', PROXY, 'src', `10.71.${uplink}.1`)
  return [...found.matchAll(/10\.71\.\d\.1(?:%\w+)?:(\d+)/g)].map((match) => match[1] ?? '').sort()
}

async function untilSubflows(
  scene: Scene,
  uplink: 1 | 2,
  count: number,
  not: string[] = [],
): Promise<string[]> {
  await until(`${count} subflows of l${uplink}`, () => {
    const now = subflows(scene, uplink)
    return now.length === count && !now.some((port) => not.includes(port)) ? undefined : now.join()
  })
  return subflows(scene, uplink)
}

const kill = ({ client }: Scene, port = ''): string => client.run('ss', '-KtnH', 'sport', '=', `:${port}`)

const endpoints = ({ client }: Scene): string => client.run('ip', 'mptcp', 'endpoint', 'show')

interface Status {
  subflows: { lost: number; reopened: Record<string, number> }
}
const status = ({ client }: Scene): Status =>
  JSON.parse(client.run('curl', '-sS', `${STATUS}/status`)) as Status

/** Ends the downloads that a part of the test began. */
async function part(t: Test, here: Scene, name: string, work: (t: Test) => Promise<void>): Promise<void> {
  await t.test(name, work)
  await until('connections to end', () =>
    subflows(here, 1).length + subflows(here, 2).length === 0 ? undefined : 'some live',
  )
}

void t.test('subflows ended by a reset', async (t) => {
  const here = await scene(t)
  const { client, proxy, command } = here
  const untilStatus = (what: string, holds: (now: Status) => boolean): Promise<void> =>
    until(what, () => (holds(status(here)) ? undefined : JSON.stringify(status(here).subflows)))

  await part(t, here, 'a further one; its endpoint stays as it was', async (t) => {
    await download(t, client)
    const [old] = await untilSubflows(here, 2, 1)
    kill(here, old)
    await untilSubflows(here, 2, 1, [old ?? ''])
    await command.stderr.find(/uplink l2: 1 lost subflows are opened again/)
    t.match(endpoints(here), /10\.71\.2\.1 id 202 subflow fullmesh dev l2/)
    await untilStatus('told', ({ subflows }) => subflows.reopened['l2'] === 1)
    const metrics = client.run('curl', '-sS', `${STATUS}/metrics`)
    t.match(metrics, /^mptk_subflows_reopened_total\{uplink="l2"\} 1$/m)
    t.equal(subflows(here, 1).length, 1, 'the other one went on')
  })

  await part(t, here, 'by a NAT without memory, and one whose beginning is refused', async (t) => {
    await download(t, client)
    await untilSubflows(here, 2, 1)
    proxy.run('nft', 'add table inet memory')
    proxy.run('nft', 'add chain inet memory in { type filter hook input priority 0; }')
    proxy.run('nft', 'add rule inet memory in ip saddr 10.71.2.1 meta l4proto tcp reject with tcp reset')
    await untilSubflows(here, 2, 0)
    await untilStatus('missed', ({ subflows }) => subflows.lost === 1)
    proxy.run('nft', 'delete table inet memory')
    await untilSubflows(here, 2, 1)
    t.match(endpoints(here), /10\.71\.2\.1 id 202 subflow fullmesh dev l2/)
  })

  await part(t, here, 'the first one, then both', async (t) => {
    await download(t, client)
    const [first] = await untilSubflows(here, 1, 1)
    await untilSubflows(here, 2, 1)
    kill(here, first)
    const [second] = await untilSubflows(here, 1, 1, [first ?? ''])
    // with fullmesh it would not have come
    t.match(endpoints(here), /10\.71\.1\.1 id 200 subflow dev l1/)
    const [other] = await untilSubflows(here, 2, 1)
    kill(here, second)
    kill(here, other)
    await untilSubflows(here, 1, 1, [second ?? ''])
    await untilSubflows(here, 2, 1, [other ?? ''])
    t.match(endpoints(here), /10\.71\.2\.1 id 202 subflow dev l2/, 'nor here')
  })
})
