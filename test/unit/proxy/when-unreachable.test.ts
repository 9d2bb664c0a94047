// An upstream that comes and goes: the kill switch, the way past it, and how it is found again.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../support/until.js'
import {
  ALLOW_LOOPBACK,
  closedPort,
  echoServer,
  failure,
  hex,
  near,
  NO_AUTH,
  request,
  server,
  Talker,
  testHost,
  type TestHost,
} from './host.js'

/** A proxy far away at a port that stays the same while it comes and goes. */
function far(t: Test, port: number, more: object = {}): Promise<TestHost> {
  return testHost(t, { type: 'socks5', listen: `127.0.0.1:${port}`, rules: ALLOW_LOOPBACK, ...more })
}

/** Asks for a destination: the reply's ten bytes, from a connection that is closed then. */
async function ask(t: Test, { ports }: TestHost, host: string, port: number): Promise<string> {
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(await talker.send(NO_AUTH).take(2), '0500')
  const reply = await talker.send(request(host, port)).take(10)
  talker.socket.destroy()
  return reply
}

const SUCCESS = /^05000001/

function state({ host }: TestHost): string | undefined {
  return host.services[0]?.upstream?.().state
}

async function gauge({ host }: TestHost): Promise<number[]> {
  return (await host.runtime.metrics.upstreamUp.get()).values.map(({ value }) => value)
}

/** The log's lines about the upstream. */
function said({ logged }: TestHost): string[] {
  return logged()
    .split('\n')
    .filter((line) => line.includes('"msg":"the upstream proxy'))
    .map((line) => /"msg":"the upstream proxy (.*)"/.exec(line)?.[1] ?? line)
}

void t.test('refuse: nothing goes past an upstream that is down, and it is found again', async (t) => {
  const port = await closedPort()
  const accepted: Socket[] = []
  const web = await server(t, (socket) => accepted.push(socket))
  const chain = await near(t, port)
  t.strictSame([state(chain), await gauge(chain)], ['untried', []], 'nothing is claimed of it before')
  for (let n = 0; n < 5; n++) t.equal(await ask(t, chain, '127.0.0.1', web), failure(1))
  t.equal(accepted.length, 0)
  t.match(await chain.records(5), Array<object>(5).fill({ outcome: 'unreachable', error: /ECONNREFUSED/ }))
  t.match(chain.host.services[0]?.upstream?.(), {
    address: `127.0.0.1:${port}`,
    whenUnreachable: 'refuse',
    state: 'down',
    since: /^\d{4}-/,
    error: /^the upstream proxy \S+ cannot be reached: .*ECONNREFUSED/,
  })
  t.strictSame(await gauge(chain), [0])

  await far(t, port)
  await until('it is found again', () => (state(chain) === 'up' ? undefined : state(chain)))
  t.strictSame(await gauge(chain), [1])
  t.match(await ask(t, chain, '127.0.0.1', web), SUCCESS)
  t.match(said(chain), [
    'cannot be reached: connections are refused until it answers again',
    'answers again: connections go through it',
  ])
})

void t.test('direct: past it while it is down, through it again afterwards', async (t) => {
  const port = await closedPort()
  const echo = await echoServer(t)
  const chain = await near(t, port, { whenUnreachable: 'direct' })
  for (let n = 0; n < 3; n++) t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.match(await ask(t, chain, 'localhost', echo), SUCCESS, 'names are looked up here')
  const straight = { remote: { address: `127.0.0.1:${echo}` } }
  t.match(await chain.records(4), [straight, straight, straight, straight])
  t.equal(await ask(t, chain, '127.0.0.1', await closedPort()), failure(5), "the destination's own word")

  const proxy = await far(t, port)
  // records are told apart by their number: none may be on its way still
  await chain.records(5)
  await until('it is found again', () => (state(chain) === 'up' ? undefined : state(chain)))
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.match((await chain.records(6))[5], { remote: { address: `127.0.0.1:${port}` } })

  await proxy.host.stop()
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.match((await chain.records(7))[6], straight)
  t.match(said(chain), [
    'cannot be reached: connections go straight until it answers again',
    'answers again: connections go through it',
    'cannot be reached: connections go straight until it answers again',
  ])
})

void t.test("the upstream's word on a destination is no reason to go past it", async (t) => {
  const echo = await echoServer(t)
  const proxy = await far(t, 0, { rules: [{ deny: { ports: echo } }, ...ALLOW_LOOPBACK] })
  const chain = await near(t, proxy.ports[0] ?? 0, { whenUnreachable: 'direct' })
  t.equal(await ask(t, chain, '127.0.0.1', echo), failure(2), 'denied there')
  t.equal(await ask(t, chain, '127.0.0.1', await closedPort()), failure(5), 'refused there')
  t.equal(await ask(t, chain, `${'x'.repeat(64)}.example`, 80), failure(4), 'unknown there')

  const locked = await far(t, 0, { users: { alice: { password: 'secret' } } })
  const without = await near(t, locked.ports[0] ?? 0, { whenUnreachable: 'direct' })
  t.equal(await ask(t, without, '127.0.0.1', echo), failure(1), 'it wants a password')
  const wrong = { whenUnreachable: 'direct', username: 'alice', password: 'wrong' }
  t.equal(await ask(t, await near(t, locked.ports[0] ?? 0, wrong), '127.0.0.1', echo), failure(1))
  t.strictSame([...said(chain), ...said(without)], [])
})

void t.test('an upstream that takes connections and says nothing: only the first one waits', async (t) => {
  const held: Socket[] = []
  const silent = await server(t, (socket) => held.push(socket))
  const echo = await echoServer(t)
  const chain = await near(t, silent, { whenUnreachable: 'direct', connectTimeout: '300ms' })
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.equal(state(chain), 'down')
  for (let n = 0; n < 50; n++) t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  // probes go there as well, but not one for each client
  t.ok(held.length < 50, `${held.length} connections for 51 clients`)
})

void t.test(
  'an upstream that takes connections and breaks them off is no reason to go past it',
  async (t) => {
    const accepted: Socket[] = []
    const web = await server(t, (socket) => accepted.push(socket))
    const ends = {
      closing: (socket: Socket) => socket.end(),
      resetting: (socket: Socket) => socket.resetAndDestroy(),
    }
    for (const [name, end] of Object.entries(ends)) {
      const chain = await near(t, await server(t, end), { whenUnreachable: 'direct' })
      t.equal(await ask(t, chain, '127.0.0.1', web), failure(1), name)
      t.match(
        chain.host.services[0]?.upstream?.(),
        {
          state: 'up',
          refused: { reason: 'closed', since: /^\d{4}-/, error: /broke off/ },
          refusals: { closed: 1 },
        },
        name,
      )
      t.strictSame(await gauge(chain), [1])
      t.strictSame(said(chain), [], 'nobody goes straight')
    }
    t.equal(accepted.length, 0)
  },
)

void t.test("the upstream's limit is told to the client, and is no reason to go past it", async (t) => {
  const accepted: Socket[] = []
  const echo = await server(t, (socket) => {
    accepted.push(socket)
    socket.pipe(socket)
  })
  for (const whenUnreachable of ['direct', 'refuse']) {
    const proxy = await far(t, 0, { limits: { perSource: 1 } })
    const chain = await near(t, proxy.ports[0] ?? 0, { whenUnreachable })
    const first = await Talker.to(t, chain.ports[0] ?? 0)
    t.match(await first.send(`${NO_AUTH} ${request('127.0.0.1', echo)} 6869`).take(14), /^05000500.*6869$/)
    accepted.length = 0
    for (let n = 0; n < 3; n++) t.equal(await ask(t, chain, '127.0.0.1', echo), failure(0x4c))
    t.equal(accepted.length, 0)
    t.match(chain.host.services[0]?.upstream?.(), {
      state: 'up',
      refused: { reason: 'limit', since: /^\d{4}-/, error: /as many connections of ours as it takes/ },
      refusals: { limit: 3 },
    })
    t.match(proxy.host.services[0]?.limits(), { open: 1, refused: { perSource: 3 } })
    t.strictSame(said(chain), [])
    t.match((await chain.records(3))[2], { outcome: 'unreachable', error: /as many connections of ours/ })
    t.equal(
      (chain.logged().match(/"msg":"connection refused: the upstream proxy/g) ?? []).length,
      1,
      'one line',
    )

    first.socket.end()
    await chain.records(4)
    await proxy.records(1)
    t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS, 'as soon as there is a place')
    t.match(chain.host.services[0]?.upstream?.(), { state: 'up', refused: undefined, refusals: { limit: 3 } })
  }
})

void t.test('a refused password: the upstream is there, and status says what is wrong', async (t) => {
  const locked = await far(t, 0, { users: { alice: { password: 'secret' } } })
  const [port = 0] = locked.ports
  const echo = await echoServer(t)
  for (const [credentials, error] of [
    [{ username: 'alice', password: 'wrong' }, 'the upstream proxy refused the password of "alice"'],
    [{}, 'the upstream proxy wants a password and none is configured (it chose method 255)'],
  ] as const) {
    const chain = await near(t, port, { whenUnreachable: 'direct', ...credentials })
    t.equal(await ask(t, chain, '127.0.0.1', echo), failure(1))
    t.match(chain.host.services[0]?.upstream?.(), {
      state: 'up',
      refused: { reason: 'password', error },
      refusals: { password: 1 },
    })
    t.match(await chain.host.runtime.metrics.upstreamRefusals.get(), {
      values: [{ labels: { reason: 'password' }, value: 1 }],
    })
  }
})

void t.test('an upstream dialled from an address that this host has no more', async (t) => {
  const echo = await echoServer(t)
  const chain = await near(t, await closedPort(), { whenUnreachable: 'direct', source: '192.0.2.1' })
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.equal(state(chain), 'down')
})

void t.test('going straight is judged as going straight', async (t) => {
  const port = await closedPort()
  const echo = await echoServer(t)
  const more = { rules: [{ allow: { destinations: '127.0.0.0/8', ports: echo } }, { deny: {} }] }
  const chain = await near(t, port, { whenUnreachable: 'direct' }, more)
  t.equal(await ask(t, chain, 'localhost', echo), failure(2), 'for the upstream, a name is in no prefix')
  t.equal(state(chain), 'untried', 'so it was not even asked')
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.equal(state(chain), 'down')
  t.match(await ask(t, chain, 'localhost', echo), SUCCESS, 'known to be down: the addresses decide')
  t.equal(await ask(t, chain, '127.0.0.1', echo === 65535 ? 1 : echo + 1), failure(2))

  const guarded = await near(t, port, { whenUnreachable: 'direct' }, { rules: [] })
  t.equal(await ask(t, guarded, 'localhost', echo), failure(2), 'a name must not open loopback')
  t.match((await guarded.records(1))[0], { outcome: 'denied' })

  const denying = await near(t, port, {}, { rules: [{ deny: { ports: 25 } }] })
  t.equal(await ask(t, denying, '10.0.0.1', 80), failure(1))
  t.equal(await ask(t, denying, '10.0.0.1', 25), failure(2), 'denied also while the upstream is down')
})

void t.test('upstreamFor: some destinations straight, the others never', async (t) => {
  const echo = await echoServer(t)
  const proxy = await far(t, 0)
  const [port = 0] = proxy.ports
  const upstreamFor = { policy: 'except', destinations: ['127.0.0.1', 'localhost'] }
  const chain = await near(t, port, {}, { upstreamFor })
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  t.match(await ask(t, chain, 'localhost', echo), SUCCESS)
  // in this order
  await chain.records(2)
  t.equal(await ask(t, chain, '127.0.0.2', echo), failure(5), 'nobody listens there')
  t.match(await chain.records(3), [
    { outcome: 'eof', remote: { address: `127.0.0.1:${echo}` } },
    { outcome: 'eof', remote: { address: `127.0.0.1:${echo}` } },
    { outcome: 'unreachable', error: /^the upstream proxy answered 5/ },
  ])
  t.match(await proxy.records(1), [{ destination: `127.0.0.2:${echo}` }])
  t.equal(chain.host.services[0]?.egress, `socks5 127.0.0.1:${port} for some destinations`)

  await proxy.host.stop()
  t.equal(await ask(t, chain, '127.0.0.3', echo), failure(1), 'the kill switch holds for what is not listed')
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS, 'and is none for what is')
})

void t.test('stopping ends the search', async (t) => {
  let connections = 0
  // silent: each probe waits for its connectTimeout
  const upstream = createServer((socket) => {
    connections++
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  t.teardown(() => upstream.close())
  await once(upstream, 'listening')
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const chain = await near(t, (upstream.address() as AddressInfo).port, { connectTimeout: '50ms' })
  t.equal(await ask(t, chain, '127.0.0.1', 80), failure(1))
  await until('it is searched for', () => (connections >= 3 ? undefined : `${connections} connections`))
  await chain.host.stop()
  await until('its timer is gone', () => (timers() > before ? `${timers()} timers` : undefined))
  t.equal(state(chain), 'down')
})

void t.test('what was answered since counts for more than a failure that began before', async (t) => {
  // the first connection is held until the second has been answered, and then dropped
  const echo = await echoServer(t)
  let first: Socket | undefined
  const port = await server(t, (socket) => {
    if (first === undefined) first = socket
    else
      socket.once('data', () =>
        socket.write(hex('05 00'), () =>
          socket.once('data', () => socket.write(hex('05 00 00 01 7f000001 1234'))),
        ),
      )
  })
  const chain = await near(t, port)
  const early = ask(t, chain, '127.0.0.1', echo)
  await until('the first is there', () => (first === undefined ? 'not yet' : undefined))
  t.match(await ask(t, chain, '127.0.0.1', echo), SUCCESS)
  first?.destroy()
  t.equal(await early, failure(1))
  t.equal(state(chain), 'up')
  t.strictSame(said(chain), [])
})
