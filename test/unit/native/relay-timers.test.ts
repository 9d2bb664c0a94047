/** When a relay without progress ends: half-closed ones, and sinks that take nothing. */
import t from 'tap'
import { native, type NativeRelayOptions, type RelayEngine } from '../../../src/native.js'
import { Loopback, type Protocol } from './loopback.js'
import {
  engineFor,
  ready,
  receiveAll,
  relayed,
  ROUTES,
  sendAll,
  startRelay,
  type Relayed,
  type Route,
} from './relayed.js'

const SPLICED = { name: 'TCP to TCP spliced', client: 'tcp', server: 'tcp', mode: 'splice' } as const
const COPIED = { ...SPLICED, mode: 'copy' } as const

/** Long enough for a loaded machine to show somebody alive, short enough for a test. Milliseconds. */
const LIMIT = 2000
/** More than the buffers of {@link narrow} take, less than the relay's client side takes in. */
const LOAD = Buffer.alloc(100_000, 7)

/** A connection to a server that holds few bytes for its reader. */
async function toSmall(
  loopback: Loopback,
  protocol: Protocol,
  buffers: { sendBuffer: number; receiveBuffer: number },
): Promise<{ client: number; server: number }> {
  const { sendBuffer, receiveBuffer } = buffers
  const { fd, at } = loopback.listener({ family: 4, protocol, receiveBuffer })
  const client = await loopback.connect({ family: 4, protocol, noDelay: true, sendBuffer }, at)
  const [accepted] = await loopback.accept(fd)
  if (accepted === undefined) throw new Error('nothing was accepted')
  return { client, server: accepted.fd }
}

/** A relay whose far side takes a few kilobytes and then nothing: nobody reads there. */
async function narrow(
  engine: RelayEngine,
  loopback: Loopback,
  route: Route,
  options: Partial<NativeRelayOptions>,
  buffers = { sendBuffer: 4608, receiveBuffer: 4608 },
): Promise<Relayed> {
  const near = await loopback.pair({ family: 4, protocol: route.client, noDelay: true })
  const far = await toSmall(loopback, route.server, buffers)
  const [a, b] = [near.server, far.client]
  const started = startRelay(engine, a, b, { mode: route.mode, idleTimeout: 0, ...options })
  return { client: near.client, server: far.server, a, b, ...started }
}

/** Whether a promise has been settled by now. */
function settledOf(promise: Promise<unknown>): () => boolean {
  let settled = false
  void promise.then(() => (settled = true))
  return () => settled
}

// each waits for its timers
t.jobs = 20

for (const route of ROUTES) {
  void t.test(`${route.name}: whoever left while the other side takes nothing is noticed`, async (t) => {
    const engine = engineFor(t)
    const loopback = new Loopback(t)
    const left = await narrow(engine, loopback, route, { stallTimeout: LIMIT })
    const paused = await narrow(engine, loopback, route, { stallTimeout: LIMIT })
    await Promise.all([sendAll(left.client, LOAD), sendAll(paused.client, LOAD, false)])
    native.close(loopback.release(left.client))
    const end = await left.ended
    t.match(end, { cause: 'stalled', side: 'b' })
    t.ok(end.up < LOAD.length, 'bytes were still owed')
    t.equal(engine.active, 1, 'a pause while both sides are there is no fault')
    // and the paused one goes on where it stopped
    native.shutdown(paused.client)
    native.shutdown(paused.server)
    t.equal((await receiveAll(paused.server)).length, LOAD.length)
    t.match(await paused.ended, { cause: 'eof' })
  })

  void t.test(`${route.name}: a reset is noticed while the other side takes nothing`, async (t) => {
    const loopback = new Loopback(t)
    const { client, relay, ended } = await narrow(engineFor(t), loopback, route, {})
    await sendAll(client, LOAD, false)
    while (relay.bytes()[0] === 0) await new Promise(setImmediate)
    native.reset(loopback.release(client))
    t.match(await ended, { cause: 'reset', side: 'a', errno: 'ECONNRESET' })
  })

  void t.test(`${route.name}: half-closed, and silent or not`, async (t) => {
    const engine = engineFor(t)
    const loopback = new Loopback(t)
    const options = { halfClosedTimeout: LIMIT }
    for (const who of ['client', 'server'] as const) {
      const silent = await relayed(engine, loopback, route, options)
      const open = await relayed(engine, loopback, route, options)
      const busy = await relayed(engine, loopback, route, options)
      for (const each of [silent, busy]) native.shutdown(each[who])
      const other = who === 'client' ? 'server' : 'client'
      const gone = settledOf(silent.ended)
      // one direction, byte by byte, until well after the silent one's end
      for (let rest = 10; rest > 0; rest -= gone() ? 1 : 0) {
        native.send(busy[other], Buffer.from('.'))
        await receiveAll(busy[who], 1)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      t.match(await silent.ended, { cause: 'half-closed', side: undefined })
      t.equal(engine.active, 2, 'those with bytes or with both sides are not')
      native.shutdown(busy[other])
      t.match(await busy.ended, { cause: 'eof' })
      open.relay.abort()
      await open.ended
    }
  })
}

void t.test(
  'while memory is short, whoever takes nothing is ended though both sides are there',
  async (t) => {
    const engine = engineFor(t)
    const loopback = new Loopback(t)
    const paused = await narrow(engine, loopback, SPLICED, { stallTimeout: LIMIT })
    const quiet = await narrow(engine, loopback, SPLICED, { stallTimeout: LIMIT })
    await sendAll(paused.client, LOAD, false)
    engine.memoryShort(true)
    t.match(await paused.ended, { cause: 'stalled', side: 'b' })
    t.equal(engine.active, 1, 'who is owed nothing stays')
    engine.memoryShort(false)
    native.shutdown(quiet.client)
    native.shutdown(quiet.server)
    t.match(await quiet.ended, { cause: 'eof' })
  },
)

void t.test('bytes that only the kernel still holds count as owed', async (t) => {
  const buffers = { sendBuffer: 400_000, receiveBuffer: 4608 }
  const options = { stallTimeout: LIMIT }
  const { client, ended } = await narrow(engineFor(t), new Loopback(t), SPLICED, options, buffers)
  await sendAll(client, LOAD)
  t.match(await ended, { cause: 'stalled', side: 'b', up: LOAD.length })
})

void t.test('a slow reader is alive although its send buffer stays full', async (t) => {
  const engine = engineFor(t)
  const loopback = new Loopback(t)
  const options = { stallTimeout: LIMIT, halfClosedTimeout: LIMIT }
  const buffers = { sendBuffer: 100_000, receiveBuffer: 4608 }
  const load = Buffer.alloc(250_000)
  const [slow, stopped] = [
    await narrow(engine, loopback, COPIED, options, buffers),
    await narrow(engine, loopback, COPIED, options, buffers),
  ]
  await Promise.all([sendAll(slow.client, load), sendAll(stopped.client, load)])
  const gone = settledOf(stopped.ended)
  let read = 0
  // far less than what would make the socket writable again
  for (let rest = 10; rest > 0; rest -= gone() ? 1 : 0) {
    await ready(slow.server, 'readable')
    read += (await receiveAll(slow.server, 512)).length
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  t.match(await stopped.ended, { cause: 'stalled', side: 'b' })
  t.ok(read < load.length / 3, `${read} bytes were read`)
  t.equal(engine.active, 1, 'the slow one goes on')
  native.shutdown(slow.server)
  t.equal(read + (await receiveAll(slow.server)).length, load.length)
  t.match(await slow.ended, { cause: 'eof', up: load.length })
})
