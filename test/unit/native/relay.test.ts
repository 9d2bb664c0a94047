import { randomBytes } from 'node:crypto'
import t from 'tap'
import { native } from '../../../src/native.js'
import { Loopback, thrown, until } from './loopback.js'
import { engineFor, readError, ready, receiveAll, relayed, ROUTES, sendAll, startRelay } from './relayed.js'

const SPLICED = { name: 'TCP to TCP spliced', client: 'tcp', server: 'tcp', mode: 'splice' } as const

for (const route of ROUTES) {
  void t.test(`${route.name}: bulk both ways at once, byte for byte`, async (t) => {
    const engine = engineFor(t)
    const { client, server, ended, relay } = await relayed(engine, new Loopback(t), route)
    const up = randomBytes(9_000_001)
    const down = randomBytes(12_345_678)
    const [gotUp, gotDown] = await Promise.all([
      receiveAll(server),
      receiveAll(client),
      sendAll(client, up),
      sendAll(server, down),
    ])
    t.ok(gotUp.equals(up))
    t.ok(gotDown.equals(down))
    t.same(await ended, {
      cause: 'eof',
      up: up.length,
      down: down.length,
      side: undefined,
      errno: undefined,
    })
    t.same(relay.bytes(), [up.length, down.length], 'the counts stay readable')
    t.equal(engine.active, 0)
  })

  void t.test(`${route.name}: either side may end first, the other direction goes on`, async (t) => {
    const engine = engineFor(t)
    const loopback = new Loopback(t)
    for (const first of ['client', 'server'] as const) {
      const connection = await relayed(engine, loopback, route)
      const [early, late] = first === 'client' ? ['client', 'server'] : (['server', 'client'] as const)
      await sendAll(connection[early as 'client'], Buffer.from('question'))
      t.equal((await receiveAll(connection[late as 'server'])).toString(), 'question')
      await sendAll(connection[late as 'server'], Buffer.from('the answer'))
      t.equal((await receiveAll(connection[early as 'client'])).toString(), 'the answer')
      t.match(await connection.ended, { cause: 'eof' })
    }
  })

  void t.test(`${route.name}: the head goes before anything else`, async (t) => {
    const connection = await relayed(engineFor(t), new Loopback(t), route, { head: Buffer.from('first, ') })
    await sendAll(connection.client, Buffer.from('then this'))
    t.equal((await receiveAll(connection.server)).toString(), 'first, then this')
    native.shutdown(connection.server)
    t.match(await connection.ended, { cause: 'eof', up: 16, down: 0 })
  })

  void t.test(`${route.name}: a reset ends both sides as a reset`, async (t) => {
    const engine = engineFor(t)
    for (const who of ['client', 'server'] as const) {
      const loopback = new Loopback(t)
      const connection = await relayed(engine, loopback, route)
      await sendAll(connection.client, Buffer.from('x'), false)
      await receiveAll(connection.server, 1)
      native.reset(loopback.release(connection[who]))
      t.match(await connection.ended, {
        cause: 'reset',
        side: who === 'client' ? 'a' : 'b',
        errno: 'ECONNRESET',
      })
      native.close(loopback.release(connection.a))
      native.close(loopback.release(connection.b))
      t.match(await readError(who === 'client' ? connection.server : connection.client), {
        code: 'ECONNRESET',
      })
    }
  })

  void t.test(`${route.name}: abort resets both peers, as often as it is called`, async (t) => {
    const loopback = new Loopback(t)
    const engine = engineFor(t)
    const { client, server, a, b, relay, ended } = await relayed(engine, loopback, route)
    relay.abort()
    relay.abort()
    t.match(await ended, { cause: 'aborted', side: undefined, errno: undefined })
    relay.abort()
    t.equal(engine.active, 0)
    for (const fd of [a, b]) native.close(loopback.release(fd))
    for (const fd of [client, server]) t.match(await readError(fd), { code: 'ECONNRESET' })
  })

  void t.test(`${route.name}: 2,000 round trips of a few bytes`, async (t) => {
    const { client, server, ended } = await relayed(engineFor(t), new Loopback(t), route)
    for (let i = 0; i < 2000; i++) {
      const ping = Buffer.alloc(1 + (i % 7), i)
      await sendAll(client, ping, false)
      const pong = await receiveAll(server, ping.length)
      await sendAll(server, pong, false)
      if (!(await receiveAll(client, ping.length)).equals(ping)) t.fail(`round trip ${i}`)
    }
    native.shutdown(client)
    native.shutdown(server)
    t.match(await ended, { cause: 'eof', up: 7995, down: 7995 })
  })

  void t.test(`${route.name}: a reader that does not read stops the sender`, async (t) => {
    const connection = await relayed(engineFor(t), new Loopback(t), route)
    const chunk = randomBytes(65536)
    let sent = 0
    // full: nothing more is taken although the relay has had its turns
    for (let quiet = 0; quiet < 200;) {
      const taken = native.send(connection.client, chunk)
      quiet = taken > 0 ? 0 : quiet + 1
      sent += Math.max(taken, 0)
      await new Promise((resolve) => setTimeout(resolve, taken > 0 ? 0 : 1))
    }
    t.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken`)
    native.shutdown(connection.client)
    native.shutdown(connection.server)
    t.equal((await receiveAll(connection.server)).length, sent)
    t.match(await connection.ended, { cause: 'eof', up: sent })
  })
}

void t.test('an idle relay times out and resets its peers; bytes hold the timeout off', async (t) => {
  const loopback = new Loopback(t)
  const engine = engineFor(t)
  const idle = await relayed(engine, loopback, SPLICED, { idleTimeout: 3000 })
  const busy = await relayed(engine, loopback, SPLICED, { idleTimeout: 3000 })
  // the busy one moves bytes, in one direction only, until after the idle one's end
  let moved = 0
  for (let rest = 30; rest > 0; rest -= engine.active === 2 ? 0 : 1) {
    native.send(busy.client, Buffer.from('.'))
    moved++
    await ready(busy.server, 'readable')
    await receiveAll(busy.server, 1)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.match(await idle.ended, { cause: 'timeout', up: 0, down: 0, side: undefined })
  t.equal(engine.active, 1, 'the busy one goes on')
  t.match(await busy.ended, { cause: 'timeout', up: moved })
  for (const fd of [idle.a, idle.b]) native.close(loopback.release(fd))
  for (const fd of [idle.client, idle.server]) t.match(await readError(fd), { code: 'ECONNRESET' })
})

void t.test('bytes() follows the transfer', async (t) => {
  const { client, server, relay, ended } = await relayed(engineFor(t), new Loopback(t), SPLICED)
  t.same(relay.bytes(), [0, 0])
  await sendAll(client, Buffer.alloc(1000), false)
  await sendAll(server, Buffer.alloc(70), false)
  await receiveAll(server, 1000)
  await receiveAll(client, 70)
  await until(() => relay.bytes()[0] === 1000 && relay.bytes()[1] === 70)
  relay.abort()
  t.match(await ended, { up: 1000, down: 70 })
})

void t.test('a side that has ended and is then reset still ends the relay', async (t) => {
  const loopback = new Loopback(t)
  const { client, server, ended } = await relayed(engineFor(t), loopback, SPLICED)
  native.shutdown(client)
  t.equal((await receiveAll(server)).length, 0)
  native.reset(loopback.release(client))
  t.match(await ended, { cause: 'reset', side: 'a' })
})

void t.test('1,000 relays at once', async (t) => {
  const loopback = new Loopback(t)
  const engine = engineFor(t)
  const all = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => relayed(engine, loopback, ROUTES[i % ROUTES.length] ?? SPLICED)),
  )
  t.equal(engine.active, 1000)
  await Promise.all(
    all.map(async ({ client, server, ended }, i) => {
      const up = Buffer.alloc(1 + i * 50, i)
      const down = Buffer.alloc(50_001 - i * 50, i + 1)
      const [gotUp, gotDown] = await Promise.all([
        receiveAll(server),
        receiveAll(client),
        sendAll(client, up),
        sendAll(server, down),
      ])
      if (!gotUp.equals(up) || !gotDown.equals(down)) t.fail(`relay ${i}`)
      const end = await ended
      if (end.cause !== 'eof' || end.up !== up.length || end.down !== down.length) t.fail(`end of ${i}`)
    }),
  )
  t.equal(engine.active, 0)
})

void t.test('a descriptor that is not open ends the relay at once', async (t) => {
  const loopback = new Loopback(t)
  const { server } = await loopback.pair({ family: 4, protocol: 'tcp' })
  const { ended } = startRelay(engineFor(t), server, 2 ** 30, { mode: 'copy', idleTimeout: 0 })
  t.match(await ended, { cause: 'reset', side: 'b', errno: 'EBADF' })
})

void t.test('wrong arguments are refused', (t) => {
  const engine = engineFor(t)
  const done = () => undefined
  const refused = (options: unknown, callback: unknown = done) =>
    thrown(() => Reflect.apply(engine.relay.bind(engine), undefined, [0, 1, options, callback]))
  t.ok(refused(undefined) instanceof TypeError)
  t.ok(refused({ mode: 'teleport', idleTimeout: 0 }) instanceof TypeError)
  t.ok(refused({ mode: 'copy', idleTimeout: -1 }) instanceof TypeError)
  t.ok(refused({ mode: 'copy', idleTimeout: Number.NaN }) instanceof TypeError)
  t.ok(refused({ mode: 'copy', idleTimeout: 0, head: 'text' }) instanceof TypeError)
  t.ok(refused({ mode: 'copy', idleTimeout: 0 }, 'no function') instanceof TypeError)
  for (const threads of [0, 65, -1, 'two']) {
    t.ok(thrown(() => Reflect.construct(native.RelayEngine, [threads])) instanceof TypeError, String(threads))
  }
  t.equal(engine.active, 0)
  t.end()
})
