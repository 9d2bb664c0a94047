/**
 * `pathManager: ndiffports` on an upstream kernel, by `mptk run` on both sides:
 * ```
 *   client ─TCP─▶ mptk, ndiffports ══MPTCP, one path══▶ mptk (proxy), ndiffports ──TCP──▶ echo
 *   10.71.1.1                                           10.71.1.2
 * ```
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { join, Namespace } from '../../support/netns.js'
import { start, type Command } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

const [CLIENT, PROXY] = ['10.71.1.1', '10.71.1.2']
const STATUS = '127.0.0.1:9400'
const USERSPACE = 'net.mptcp.path_manager'

interface Subflow {
  local: { address: string; port: number }
  remote: { address: string; port: number }
  state: string
  bytesSent?: number
}
interface Side {
  protocol: string
  token?: number
  subflows: Subflow[]
}
interface Status {
  ndiffports?: { subflowsPerConnection: number; connections: number }
  sessions: { client: Side; remote?: Side }[]
}

function network(t: Test): { client: Namespace; proxy: Namespace } {
  const [client, proxy] = [new Namespace(t, 'client'), new Namespace(t, 'proxy')]
  for (const each of [client, proxy]) {
    each.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
    each.setSysctl(USERSPACE, 'userspace')
  }
  join(client, proxy, 1, '10.71.1')
  return { client, proxy }
}

async function runMptk(t: Test, here: Namespace, config: object, prefix = here.prefix): Promise<Command> {
  const file = joinPath(scratchFolder(t), 'mptk.yaml')
  const common = { status: { listen: STATUS }, log: { format: 'json', level: 'debug' } }
  writeFileSync(file, stringify({ ...config, ...common }))
  const command = start(t, ['run', '--config', file], { prefix })
  await command.addressOf('status')
  return command
}

const host = (mptcp: object): object => ({
  setup: 'client',
  mptcp: { pathManager: 'ndiffports', ...mptcp },
})
const reverse = (listen: string, target: string, transport: 'mptcp' | 'tcp'): object => ({
  type: 'reverse-tcp',
  listen,
  target,
  egress: { transport },
})

/** On the proxy: what comes through goes back. */
async function startProxy(t: Test, proxy: Namespace, address: string, mptcp?: object): Promise<void> {
  const echo = child(
    t,
    proxy,
    "require('net').createServer((s) => s.pipe(s)).listen(9000, () => console.log('up'))",
  )
  await once(echo.stdout, 'data')
  const services = [reverse(`${address}:8080`, '127.0.0.1:9000', 'tcp')]
  await runMptk(t, proxy, mptcp === undefined ? { services } : { services, host: host(mptcp) })
}

function startClient(
  t: Test,
  client: Namespace,
  address: string,
  mptcp: object,
  prefix?: string[],
): Promise<Command> {
  const services = [reverse('127.0.0.1:1080', `${address}:8080`, 'mptcp')]
  return runMptk(t, client, { host: host(mptcp), services }, prefix)
}

function child(t: Test, here: Namespace, script: string): ChildProcessByStdio<Writable, Readable, null> {
  const [command, ...words] = ['ip', 'netns', 'exec', here.name, process.execPath, '-e', script]
  const started = spawn(command, words, {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    started.kill('SIGKILL')
    if (started.exitCode === null && started.signalCode === null) await once(started, 'exit')
  })
  return started
}

/** One connection through both, held open. */
class Conversation {
  readonly #child: ReturnType<typeof child>

  constructor(t: Test, client: Namespace) {
    this.#child = child(
      t,
      client,
      "const s = require('net').connect(1080, '127.0.0.1'); process.stdin.pipe(s); s.pipe(process.stdout)",
    )
  }

  /** True when the same bytes come back. */
  async echoes(size: number): Promise<boolean> {
    const sent = randomBytes(size)
    this.#child.stdin.write(sent)
    const received: Buffer[] = []
    for (let left = size; left > 0;) {
      const chunk = this.#child.stdout.read() as Buffer | null
      if (chunk === null) await once(this.#child.stdout, 'readable')
      else received.push(chunk)
      left -= chunk?.length ?? 0
    }
    return Buffer.concat(received).equals(sent)
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    await once(this.#child, 'exit')
  }
}

const status = (here: Namespace): Status =>
  JSON.parse(here.run('curl', '-sS', `http://${STATUS}/status`)) as Status

/** Local ports of the client's established subflows, sorted. */
function ports(client: Namespace): number[] {
  const subflows = status(client).sessions.flatMap(({ remote }) => remote?.subflows ?? [])
  return subflows
    .filter(({ state }) => state === 'established')
    .map(({ local }) => local.port)
    .sort()
}

async function untilSubflows(client: Namespace, count: number): Promise<number[]> {
  await until(`${count} subflows`, () => {
    const now = ports(client).length
    return now === count ? undefined : `${now}`
  })
  return ports(client)
}

const kill = (here: Namespace, port: number): string => here.run('ss', '-KtnH', 'sport', '=', `:${port}`)

void t.test('so many subflows over one path, replaced when they are lost', async (t) => {
  const { client, proxy } = network(t)
  await startProxy(t, proxy, PROXY, { subflowsPerConnection: 8 })
  await startClient(t, client, PROXY, { subflowsPerConnection: 3 })
  t.match(status(client), { ndiffports: { subflowsPerConnection: 3, connections: 0 } })
  const conversation = new Conversation(t, client)
  t.ok(await conversation.echoes(100_000), 'every byte is right')
  const before = await untilSubflows(client, 3)

  const [session] = status(client).sessions
  t.equal(session?.remote?.protocol, 'mptcp')
  for (const { local, remote } of session?.remote?.subflows ?? []) {
    t.equal(local.address, CLIENT)
    t.strictSame(remote, { address: PROXY, port: 8080 })
  }
  t.match(status(client), { ndiffports: { connections: 1 } })
  t.match(client.run('curl', '-sS', `http://${STATUS}/metrics`), /^mptk_ndiffports_connections 1$/m)

  const [first = 0, ...others] = before
  kill(client, first)
  await until('another instead', () => (ports(client).includes(first) ? 'the old one' : undefined))
  const after = await untilSubflows(client, 3)
  t.strictSame(
    after.filter((port) => before.includes(port)),
    others,
    'the others stay',
  )
  for (const port of others) kill(client, port)
  await until('two others instead', () =>
    ports(client).some((port) => others.includes(port)) ? 'the old ones' : undefined,
  )
  await untilSubflows(client, 3)
  t.ok(await conversation.echoes(1_000_000), 'every byte is right after it too')

  t.match(status(proxy), { ndiffports: { subflowsPerConnection: 8, connections: 0 } })
  // the proxy hears of a lost one, and of the end of a new one's handshake, after the client
  const accepted = (): number | undefined => status(proxy).sessions[0]?.client.subflows.length
  await until('three subflows at the proxy', () => (accepted() === 3 ? undefined : `${accepted()}`))
  t.equal(status(proxy).sessions[0]?.client.subflows.length, 3, 'accepted connections are left alone')
  await conversation.end()
  await until('nothing to manage', () => {
    const { connections = 0 } = status(client).ndiffports ?? {}
    return connections === 0 ? undefined : `${connections}`
  })
})

void t.test('over IPv6', async (t) => {
  const { client, proxy } = network(t)
  for (const [side, device, address] of [
    [client, 'l1', 'fd71::1'],
    [proxy, 'r1', 'fd71::2'],
  ] as const) {
    side.setSysctl(`net.ipv6.conf.${device}.disable_ipv6`, 0)
    side.run('ip', 'address', 'add', `${address}/64`, 'dev', device, 'nodad')
  }
  await startProxy(t, proxy, '[fd71::2]', {})
  await startClient(t, client, '[fd71::2]', {})
  const conversation = new Conversation(t, client)
  t.ok(await conversation.echoes(1000))
  await untilSubflows(client, 2)
  const [session] = status(client).sessions
  for (const { local } of session?.remote?.subflows ?? []) t.equal(local.address, 'fd71::1')
})

void t.test('subflows that a middlebox resets are tried again, until it lets them through', async (t) => {
  const { client, proxy } = network(t)
  proxy.run('nft', 'add table inet middlebox')
  proxy.run('nft', 'add chain inet middlebox in { type filter hook input priority 0; }')
  proxy.run('nft', 'add rule inet middlebox in tcp option mptcp subtype 1 counter reject with tcp reset')
  await startProxy(t, proxy, PROXY, {})
  await startClient(t, client, PROXY, { subflowsPerConnection: 4, limits: { subflows: 2 } })
  t.match(status(client), { ndiffports: { subflowsPerConnection: 3 } }, 'never more than limits say')
  const conversation = new Conversation(t, client)
  t.ok(await conversation.echoes(1000))
  await until('refused joins', () => {
    const [, packets] = /counter packets (\d+)/.exec(proxy.run('nft', 'list table inet middlebox')) ?? []
    // two at once, and two again
    return Number(packets) >= 4 ? undefined : packets
  })
  t.equal(ports(client).length, 1)
  proxy.run('nft', 'delete table inet middlebox')
  await untilSubflows(client, 3)
  t.ok(await conversation.echoes(100_000))
})

void t.test('where the kernel manages paths: a warning, and its connections are left alone', async (t) => {
  const { client, proxy } = network(t)
  client.setSysctl(USERSPACE, 'kernel')
  await startProxy(t, proxy, PROXY, {})
  const command = await startClient(t, client, PROXY, {})
  await command.stderr.find(/ndiffports: the path manager of new connections is the kernel/)
  const conversation = new Conversation(t, client)
  t.ok(await conversation.echoes(1000))
  await command.stderr.find(/ndiffports: subflow from 10\.71\.1\.1 to 10\.71\.1\.2:8080: EINVAL/)
  t.equal(ports(client).length, 1)
  t.match(status(client), { ndiffports: { connections: 0 } })
})

void t.test('without CAP_NET_ADMIN: one warning, and the services run', async (t) => {
  const { client, proxy } = network(t)
  await startProxy(t, proxy, PROXY, {})
  const bare = [...client.prefix, 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']
  const command = await startClient(t, client, PROXY, {}, bare)
  await command.stderr.find(/ndiffports: .* lacks CAP_NET_ADMIN/)
  t.ok(await new Conversation(t, client).echoes(1000))
  t.equal(ports(client).length, 1)
  t.notOk('ndiffports' in status(client))
})
