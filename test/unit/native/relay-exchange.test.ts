// Exchanges: a message up, an answer that the caller begins, and both directions that end with their messages.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  native,
  type NativeRelayOptions,
  type NativeRelayPart,
  type RelayEngine,
} from '../../../src/native.js'
import { Loopback } from './loopback.js'
import { engineFor, receiveAll, ROUTES, sendAll, type Ended, type Relayed, type Route } from './relayed.js'

interface Exchanged extends Ended {
  whole: boolean
  carried: string
}

type Exchange = Omit<Relayed, 'ended'> & { ended: Promise<Exchanged> }

async function exchange(
  engine: RelayEngine,
  loopback: Loopback,
  route: Route,
  options: Partial<NativeRelayOptions>,
): Promise<Exchange> {
  let resolve: (end: Exchanged) => void = () => undefined
  const ended = new Promise<Exchanged>((settle) => (resolve = settle))
  const near = await loopback.pair({ family: 4, protocol: route.client, noDelay: true })
  const far = await loopback.pair({ family: 4, protocol: route.server, noDelay: true })
  const [a, b] = [near.server, far.client]
  const settings = { mode: route.mode, idleTimeout: 0, exchange: true, ...options }
  const relay = engine.relay(a, b, settings, (cause, up, down, side, errno, _a, _b, carried, whole) => {
    resolve({ cause, up, down, side, errno, whole, carried: String(carried ?? '') })
  })
  return { client: near.client, server: far.server, a, b, relay, ended }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const chunked = (data: Buffer): Buffer => {
  const half = data.length >> 1
  const chunk = (piece: Buffer): Buffer =>
    Buffer.concat([bytes(`${piece.length.toString(16)}\r\n`), piece, bytes('\r\n')])
  return Buffer.concat([chunk(data.subarray(0, half)), chunk(data.subarray(half)), bytes('0\r\n\r\n')])
}

for (const route of ROUTES) {
  void t.test(`${route.name}: a message and its answer, no byte more`, async (t) => {
    const engine = engineFor(t)
    const data = randomBytes(3_000_001)
    const ways: [string, Buffer, NativeRelayPart['end'], Buffer][] = [
      ['a length', data, data.length, data],
      ['chunks', chunked(data), 'chunked', chunked(data)],
      ['chunks, decoded', chunked(data), 'decoded', data],
    ]
    for (const [what, sent, end = 0, expected] of ways) {
      const up = end === 'decoded' ? 'chunked' : end
      const connection = await exchange(engine, new Loopback(t), route, {
        head: bytes('head '),
        rest: sent.subarray(0, 100),
        end: up,
      })
      const { client, server, relay, ended } = connection
      const arrived = receiveAll(server, 5 + sent.length)
      await sendAll(client, Buffer.concat([sent.subarray(100), bytes('behind it')]), false)
      t.ok((await arrived).equals(Buffer.concat([bytes('head '), sent])), `${what}, up`)
      relay.answer({ head: bytes('answer '), rest: sent.subarray(0, 200), end, close: true }, 'final')
      const back = receiveAll(client)
      await sendAll(server, Buffer.concat([sent.subarray(200), bytes('behind it')]), false)
      t.ok(
        (await back).equals(Buffer.concat([bytes('answer '), expected])),
        `${what}, down, and then the end`,
      )
      t.match(await ended, { cause: 'eof', up: 5 + sent.length, down: 7 + expected.length, whole: false })
    }
  })

  void t.test(`${route.name}: both streams go on`, async (t) => {
    const engine = engineFor(t)
    const { client, server, a, b, relay, ended } = await exchange(engine, new Loopback(t), route, {
      ...{ rest: bytes('3\r\nabc\r\n0\r\n'), end: 'chunked', keep: true },
    })
    await sendAll(client, bytes('\r\nnext'), false)
    t.equal(String(await receiveAll(server, 13)), '3\r\nabc\r\n0\r\n\r\n')
    relay.answer({ head: bytes('yes'), end: 0 }, 'final')
    t.equal(String(await receiveAll(client, 3)), 'yes')
    t.match(await ended, { cause: 'eof', whole: true, carried: 'next' })
    await sendAll(a, bytes('to the client'), false)
    await sendAll(b, bytes('to the server'), false)
    t.equal(String(await receiveAll(client, 13)), 'to the client')
    t.equal(String(await receiveAll(server, 13)), 'to the server')
  })
}

const [SPLICED, COPIED] = ROUTES as [Route, Route]

void t.test('nothing is read from b before there is an answer', async (t) => {
  const { client, server, b, relay, ended } = await exchange(engineFor(t), new Loopback(t), SPLICED, {
    end: 0,
  })
  await sendAll(server, bytes('early'))
  t.equal(String(await receiveAll(b)), 'early', 'the caller reads it, to the end')
  relay.answer({ head: bytes('rewritten') }, 'final')
  t.equal(String(await receiveAll(client)), 'rewritten')
  t.match(await ended, { cause: 'eof', whole: false })
})

void t.test('b answers and resets while the message goes up', async (t) => {
  const loopback = new Loopback(t)
  const { client, server, b, relay, ended } = await exchange(engineFor(t), loopback, SPLICED, { end: 1e9 })
  await sendAll(client, randomBytes(100_000), false)
  await receiveAll(server, 1)
  await sendAll(server, bytes('too large'), false)
  t.equal(String(await receiveAll(b, 3)), 'too')
  // unread input makes it a reset
  native.close(loopback.release(server))
  relay.answer({ head: bytes('too'), end: 6, close: true }, 'final')
  await sendAll(client, randomBytes(100_000), false)
  t.equal(String(await receiveAll(client)), 'too large', 'all of the answer, and then an end')
  t.match(await ended, { cause: 'eof', whole: false })
})

void t.test('a client that never sends the rest is not waited for', async (t) => {
  const connection = await exchange(engineFor(t), new Loopback(t), COPIED, { end: 100, idleTimeout: 50 })
  connection.relay.answer({ head: bytes('no'), end: 0, close: true }, 'final')
  t.equal(String(await receiveAll(connection.client)), 'no')
  t.match(await connection.ended, { cause: 'eof', whole: false })
})

void t.test('a client that leaves after its message is told to b', async (t) => {
  const { client, server, relay, ended } = await exchange(engineFor(t), new Loopback(t), SPLICED, {
    rest: bytes('ask'),
    end: 3,
  })
  native.shutdown(client)
  t.equal(String(await receiveAll(server)), 'ask', 'and then an end')
  relay.answer({ head: bytes('still'), end: 0, close: true }, 'final')
  t.equal(String(await receiveAll(client)), 'still')
  t.match(await ended, { cause: 'eof', whole: false })
})

void t.test('a switch of protocols', async (t) => {
  const { client, server, relay, ended } = await exchange(engineFor(t), new Loopback(t), SPLICED, {
    ...{ head: bytes('upgrade'), rest: bytes('early '), end: 0, keep: true },
  })
  t.equal(String(await receiveAll(server, 7)), 'upgrade')
  relay.answer({ head: bytes('101 '), rest: bytes('hello') }, 'switch')
  await sendAll(client, bytes('frames'))
  t.equal(String(await receiveAll(server)), 'early frames')
  await sendAll(server, bytes(' you'))
  t.equal(String(await receiveAll(client)), '101 hello you')
  t.match(await ended, { cause: 'eof', up: 19, down: 13 })
})

void t.test('an answer of our own ends the way up', async (t) => {
  const { client, relay, ended } = await exchange(engineFor(t), new Loopback(t), SPLICED, { end: 1e9 })
  relay.answer({ head: bytes('502'), end: 0, close: true }, 'last')
  t.equal(String(await receiveAll(client)), '502')
  t.match(await ended, { cause: 'eof', whole: false })
})

void t.test('chunks that cannot be read', async (t) => {
  const engine = engineFor(t)
  const loopback = new Loopback(t)
  const wrong = { mode: 'copy', idleTimeout: 0, exchange: true, rest: bytes('x'), end: 'chunked' } as const
  t.throws(() => engine.relay(0, 0, wrong, () => undefined), { code: 'EBADMSG' })
  const up = await exchange(engine, loopback, COPIED, { end: 'chunked' })
  await sendAll(up.client, bytes('zz'), false)
  t.match(await up.ended, { cause: 'reset', side: 'a', errno: 'EBADMSG', up: 0 })
  const down = await exchange(engine, loopback, COPIED, { end: 0 })
  down.relay.answer({ end: 'chunked' }, 'final')
  await sendAll(down.server, bytes('zz'), false)
  t.match(await down.ended, { cause: 'reset', side: 'b', errno: 'EBADMSG', down: 0 })
  const cut = await exchange(engine, loopback, COPIED, { end: 0 })
  cut.relay.answer({ end: 'decoded', close: true }, 'final')
  await sendAll(cut.server, bytes('3\r\nab'))
  t.match(
    await cut.ended,
    { cause: 'reset', side: 'b', errno: 'EBADMSG', down: 2 },
    'an end would look whole',
  )
})

void t.test('wrong arguments', async (t) => {
  const engine = engineFor(t)
  const { relay, ended } = await exchange(engine, new Loopback(t), COPIED, { end: 0 })
  for (const end of [-1, NaN, 2 ** 54, 'all', null]) {
    t.throws(() => relay.answer({ end: end as number }, 'final'), { message: /end/ }, String(end))
  }
  t.throws(() => relay.answer({}, 'other' as 'final'), { message: /how/ })
  t.throws(() => relay.answer(undefined as unknown as NativeRelayPart, 'final'), { message: /part/ })
  relay.answer({ end: 0 }, 'last')
  relay.answer({ head: bytes('twice') }, 'final')
  t.match(await ended, { cause: 'eof', down: 0 })
  relay.answer({ end: 0 }, 'last')
  t.pass('an ended relay takes no harm')
})
