/** Clients that break off, talk nonsense or ask for too much, and a server that is stopped. */
import t, { type Test } from 'tap'
import { ControlChannel } from '../../../mininet/perf/control.js'
import {
  serverMessage,
  type ClientMessage,
  type ServerMessage,
  type TestPlan,
} from '../../../mininet/perf/messages.js'
import { encodeMessage, encodePreamble, MAX_MESSAGE, MAX_REQUEST } from '../../../mininet/perf/protocol.js'
import type { Connection } from '../../../src/net/connection.js'
import { bytesPlan, connectTo, localServer, PLAN, run, type LocalServer } from '../../support/perf-local.js'
import { until } from '../../support/until.js'

const LONG = { ...PLAN, duration: 60 }

/** The server has closed or reset: nothing more will come. */
async function ended(connection: Connection): Promise<string> {
  try {
    while ((await connection.read()) !== undefined);
    return 'ended'
  } catch (error) {
    return (error as { code?: string }).code ?? 'error'
  } finally {
    connection.close()
  }
}

async function stillServes(t: Test, local: LocalServer): Promise<void> {
  const record = await run(local, bytesPlan(100_000, { direction: 'bidir' }))
  t.equal(record.error, undefined, 'the server goes on')
}

type Control = ControlChannel<ServerMessage, ClientMessage>

function controlOf(connection: Connection): Control {
  return new ControlChannel<ServerMessage, ClientMessage>(connection, {
    schema: serverMessage,
    limit: MAX_MESSAGE,
  })
}

/** A client of our own, as far as the server's word `accepted`. */
async function accepted(
  local: LocalServer,
  plan: TestPlan = LONG,
): Promise<{ control: Control; token: string }> {
  const control = controlOf(await connectTo(local)())
  control.send({ type: 'hello', plan }, encodePreamble('control'))
  const answer = await control.next()
  if (answer?.type !== 'accepted') throw new Error(`answered ${JSON.stringify(answer)}`)
  return { control, token: answer.token }
}

const HELLO = encodeMessage({ type: 'hello', plan: LONG })

void t.test('the server and those who are no clients', async (t) => {
  const local = localServer(t)
  const connect = connectTo(local)
  const tooLong = Buffer.alloc(4)
  tooLong.writeUInt32BE(MAX_REQUEST + 1)
  for (const [what, bytes] of Object.entries({
    'nothing at all': Buffer.alloc(0),
    'half a preamble': encodePreamble('control').subarray(0, 11),
    'a request of HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
    'a preamble alone': encodePreamble('control'),
    'half a hello': Buffer.concat([encodePreamble('control'), HELLO.subarray(0, 40)]),
    'a message that is no JSON': Buffer.concat([encodePreamble('control'), Buffer.from([0, 0, 0, 1, 0])]),
    'a message without end': Buffer.concat([encodePreamble('control'), tooLong]),
    'a plan that is none': Buffer.concat([encodePreamble('control'), encodeMessage({ type: 'hello' })]),
    'an end without a beginning': Buffer.concat([
      encodePreamble('control'),
      encodeMessage({ type: 'end', interrupted: false }),
    ]),
    'a token of nobody': encodePreamble('data', 1, 'ab'.repeat(16)),
  })) {
    const connection = await connect()
    await connection.write(bytes)
    connection.end()
    t.match(await ended(connection), /ended|ECONNRESET|ENOTCONN/, what)
  }
  t.strictSame(local.tests, [])
  await stillServes(t, local)
})

void t.test('another version of the protocol', async (t) => {
  const local = localServer(t)
  const connection = await connectTo(local)()
  const preamble = encodePreamble('control')
  preamble[4] = 2
  await connection.write(Buffer.concat([preamble, HELLO]))
  const answer = await controlOf(connection).next()
  t.match(answer, { type: 'error', message: 'this server speaks version 1 of the protocol and not 2' })
  t.equal(await ended(connection), 'ended')
  t.match(local.troubles, [/refused/])
})

void t.test('asking for too much', async (t) => {
  const local = localServer(t, { limits: { streams: 2, time: 5, clients: 1 } })
  t.match((await run(local, { ...PLAN, streams: 3 })).error, {
    code: 'MPTK_PERF',
    message: 'the server says: at most 2 streams, not 3',
  })
  t.match((await run(local, { ...PLAN, duration: 4, omit: 2 })).error, {
    message: 'the server says: at most 5 s, not 6',
  })
  const stop = new AbortController()
  let busy: Promise<unknown> | undefined
  const first = await run(
    local,
    { ...PLAN, duration: 5 },
    {
      signal: stop.signal,
      observer: {
        interval: () => {
          busy ??= run(local, PLAN).then((second) => {
            stop.abort()
            return second.error
          })
        },
      },
    },
  )
  t.match(await busy, { message: 'the server says: busy: 1 of at most 1 tests at a time are running' })
  t.match(first.error, { message: 'interrupted' })
  t.equal((await run(local, PLAN)).error, undefined, 'the place is free again')
})

void t.test('a test that takes longer than the server allows', async (t) => {
  const local = localServer(t, { limits: { time: 3 } })
  const record = await run(local, bytesPlan(1e15))
  t.match(record.error, { message: 'the server says: the test took longer than this server allows' })
  await stillServes(t, local)
})

void t.test('a congestion control that the server does not have', async (t) => {
  const local = localServer(t)
  const record = await run(local, { ...PLAN, congestion: 'nosuch' })
  t.match(record.error, { message: /^the server says: congestion: .*no congestion control "nosuch"/ })
})

void t.test('clients that die at every point', async (t) => {
  const local = localServer(t, { limits: { clients: 1 } })
  const freed = (): Promise<void> =>
    until('the server forgets the client', async () => (await run(local, bytesPlan(1000))).error?.message)

  for (const end of ['close', 'reset'] as const) {
    const asked = await accepted(local)
    asked.control.connection[end]()
    await freed()
    t.pass(`${end} once accepted`)

    const half = await accepted(local, { ...LONG, streams: 2 })
    const data = await connectTo(local)()
    await data.write(encodePreamble('data', 1, half.token))
    half.control.connection[end]()
    t.match(await ended(data), /ended|ECONNRESET|ENOTCONN/, 'what had come of it is closed')
    await freed()
    t.pass(`${end} with half of the streams`)

    for (const direction of ['forward', 'reverse'] as const) {
      const started = await accepted(local, { ...LONG, direction, latency: { size: 64 } })
      const streams = await Promise.all([connectTo(local)(), connectTo(local)()])
      await streams[0].write(encodePreamble('data', 1, started.token))
      await streams[1].write(encodePreamble('latency', 0, started.token))
      t.match(await started.control.next(), { type: 'started' })
      if (direction === 'forward') await streams[0].write(Buffer.alloc(100_000))
      else await streams[0].read()
      for (const stream of streams) stream[end]()
      started.control.connection[end]()
      await freed()
      t.pass(`${end} in the middle, ${direction}`)
    }
  }
  t.ok(local.troubles.length >= 8, 'the server told of each')
})

void t.test('streams that nobody asked for, and twice the same', async (t) => {
  const local = localServer(t)
  const { control, token } = await accepted(local, { ...LONG, streams: 2 })
  for (const [kind, id] of [
    ['data', 3],
    ['data', 0],
    ['latency', 0],
    ['control', 1],
  ] as const) {
    const stray = await connectTo(local)()
    await stray.write(encodePreamble(kind, id, token))
    if (kind === 'control') stray.end()
    t.match(await ended(stray), /ended|ECONNRESET|ENOTCONN/, `${kind} ${id} is refused`)
  }
  const first = await connectTo(local)()
  await first.write(encodePreamble('data', 1, token))
  const again = await connectTo(local)()
  await again.write(encodePreamble('data', 1, token))
  t.match(
    await Promise.race([ended(again), ended(first)]),
    /ECONNRESET|ended|ENOTCONN/,
    'one of the two is refused',
  )
  const second = await connectTo(local)()
  await second.write(encodePreamble('data', 2, token))
  t.match(await control.next(), { type: 'started' }, 'the test goes on')
  for (const each of [first, again, second]) each.close()
  control.connection.close()
})

void t.test('a stream that breaks off ends the test, and both ends say so', async (t) => {
  const local = localServer(t)
  for (const plan of [LONG, bytesPlan(1e9)]) {
    const { control, token } = await accepted(local, plan)
    const data = await connectTo(local)()
    await data.write(Buffer.concat([encodePreamble('data', 1, token), Buffer.alloc(5)]))
    t.match(await control.next(), { type: 'started' })
    data.end()
    let answer = await control.next()
    while (answer?.type === 'interval') answer = await control.next()
    t.match(answer, {
      type: 'error',
      message: /^stream 1: the connection ended early, after 5( of 1000000000)? bytes$/,
    })
    t.equal(await ended(control.connection), 'ended')
    data.close()
  }
  t.match(local.troubles, [/ended early/, /ended early/])
})

void t.test('the server is stopped in the middle', async (t) => {
  for (const direction of ['forward', 'reverse'] as const) {
    const local = localServer(t)
    const record = await run(
      local,
      { ...LONG, direction },
      { observer: { interval: () => local.server.stop() } },
    )
    t.match(record.error, { code: 'MPTK_PERF', message: /^the server says: the server was stopped$/ })
    t.ok(record.flows[direction], 'what was measured by then is in the record')
    t.equal(await local.server.ended, false, 'not every test ended well')
  }
})
