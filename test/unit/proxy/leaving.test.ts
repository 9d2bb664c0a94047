/** Clients that leave while something is done for them: what is done ends with them, and what it held is free. */
import t, { type Test } from 'tap'
import { readdirSync } from 'node:fs'
import type { SessionRecord } from '../../../proxy/session.js'
import { native } from '../../../src/native.js'
import { until } from '../../support/until.js'
import { Loopback } from '../native/loopback.js'
import { ALLOW_LOOPBACK, hex, NO_AUTH, request, server, Talker, testHost, type TestHost } from './host.js'

/** Nothing but the client's leaving ends what is done for it. */
const PATIENT = { handshake: '10m', dial: '10m' }

/** A port that answers no SYN: its queue is full. */
async function silentPort(t: Test): Promise<number> {
  const loopback = new Loopback(t)
  const { fd, at } = loopback.listener({ family: 4, protocol: 'tcp' }, 0)
  native.listen(fd, 0)
  await loopback.connect({ family: 4, protocol: 'tcp' }, at)
  return at.port
}

/** What a client says to have a destination dialled. */
interface Opening {
  name: string
  service: (port: number) => object
  /** Everything up to the request, which is answered by the connection. */
  ask: (talker: Talker, port: number) => Promise<void>
  /** What tells it that there will be none, hexadecimal or text; undefined where a client's end says nothing. */
  refusal?: RegExp
}

const OPENINGS: readonly Opening[] = [
  {
    name: 'socks5',
    service: () => ({ type: 'socks5', rules: ALLOW_LOOPBACK, timeouts: PATIENT }),
    ask: async (talker, port) => {
      await talker.send(NO_AUTH).take(2)
      talker.send(request('127.0.0.1', port))
    },
    refusal: /^0501/,
  },
  {
    name: 'CONNECT',
    service: () => ({ type: 'connect', rules: ALLOW_LOOPBACK, timeouts: PATIENT }),
    ask: (talker, port) => {
      talker.send(Buffer.from(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`))
      return Promise.resolve()
    },
    refusal: new RegExp(`^${Buffer.from('HTTP/1.1 502').toString('hex')}`),
  },
  {
    name: 'a request in absolute form',
    service: () => ({ type: 'connect', rules: ALLOW_LOOPBACK, timeouts: PATIENT }),
    ask: (talker, port) => {
      talker.send(Buffer.from(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`))
      return Promise.resolve()
    },
  },
  {
    name: 'reverse-tcp',
    service: (port) => ({ type: 'reverse-tcp', target: `127.0.0.1:${port}`, timeouts: PATIENT }),
    ask: () => Promise.resolve(),
  },
]

interface Dialling {
  proxy: TestHost
  talker: Talker
  /** Descriptors of this process before there was the client. */
  before: number
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** A client whose destination is being dialled, and does not answer. */
async function dialling(t: Test, { service, ask }: Opening): Promise<Dialling> {
  const port = await silentPort(t)
  const proxy = await testHost(t, service(port))
  const before = descriptors()
  const talker = await Talker.to(t, proxy.ports[0] ?? 0)
  await ask(talker, port)
  await isDialling(proxy)
  return { proxy, talker, before }
}

async function isDialling({ host }: TestHost): Promise<void> {
  await until('the dial', () => {
    const [session] = host.runtime.sessions
    return session?.state === 'dialling' ? undefined : (session?.state ?? 'no session')
  })
}

/** The session's record, when nothing is left of it. */
async function goneWith(
  t: Test,
  { proxy, before }: Omit<Dialling, 'talker'>,
): Promise<SessionRecord | undefined> {
  const [record] = await proxy.records(1)
  t.equal(proxy.host.runtime.sessions.size, 0, 'no session is left')
  await until('the descriptors', () =>
    descriptors() <= before ? undefined : `${descriptors()}, not ${before}`,
  )
  return record
}

for (const opening of OPENINGS) {
  void t.test(`${opening.name}: a reset while the destination is dialled`, async (t) => {
    const state = await dialling(t, opening)
    state.talker.socket.resetAndDestroy()
    t.match(await goneWith(t, state), { outcome: 'left', error: 'the client left: its connection broke' })
  })

  void t.test(`${opening.name}: an end while the destination is dialled`, async (t) => {
    const state = await dialling(t, opening)
    const { proxy, talker } = state
    talker.socket.end()
    if (opening.refusal === undefined) {
      // one that has said all may wait for the answer; and leave later
      await new Promise((resolve) => setTimeout(resolve, 100))
      t.equal(proxy.host.runtime.sessions.size, 1, 'the dial goes on')
      talker.socket.resetAndDestroy()
      t.match(await goneWith(t, state), { outcome: 'left', error: /connection (broke|is gone)/ })
    } else {
      t.match(await talker.rest(), opening.refusal, 'it is told, should it still listen')
      t.match(await goneWith(t, state), { outcome: 'left', error: /ended/ })
    }
  })
}

void t.test('a client that speaks MPTCP', async (t) => {
  const port = await silentPort(t)
  const proxy = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK, timeouts: PATIENT })
  const before = descriptors()
  const loopback = new Loopback(t)
  const to = { address: '127.0.0.1', port: proxy.ports[0] ?? 0 }
  const fd = await loopback.connect({ family: 4, protocol: 'mptcp' }, to)
  native.send(fd, hex(`${NO_AUTH} ${request('127.0.0.1', port)}`))
  await isDialling(proxy)
  native.reset(loopback.release(fd))
  t.match(await goneWith(t, { proxy, before }), { outcome: 'left', client: { protocol: 'mptcp' } })
})

void t.test('whoever has sent its payload ahead may end and wait', async (t) => {
  for (const opening of OPENINGS.slice(0, 2)) {
    const state = await dialling(t, opening)
    const { proxy, talker } = state
    talker.send('68 65 79').socket.end()
    await new Promise((resolve) => setTimeout(resolve, 100))
    t.equal(proxy.host.runtime.sessions.size, 1, `${opening.name}: the dial goes on`)
    talker.socket.resetAndDestroy()
    t.match(await goneWith(t, state), { outcome: 'left' })
  }
})

void t.test('the next proxy does not answer: it is left as well', async (t) => {
  // after its greeting, and before
  for (const greets of [true, false]) {
    let closed = 0
    const port = await server(t, (socket) => {
      if (greets) socket.write(hex('05 00'))
      socket.on('data', () => undefined)
      socket.on('close', () => closed++)
      socket.on('end', () => socket.end())
    })
    const upstream = { type: 'socks5', address: `127.0.0.1:${port}`, connectTimeout: '10m' }
    const proxy = await testHost(t, { type: 'socks5', upstream, timeouts: PATIENT })
    const talker = await Talker.to(t, proxy.ports[0] ?? 0)
    await talker.send(NO_AUTH).take(2)
    talker.send(request('host.example', 80))
    await isDialling(proxy)
    talker.socket.resetAndDestroy()
    t.match((await proxy.records(1))[0], { outcome: 'left' })
    await until('the upstream is left', () => (closed === 1 ? undefined : 'connected'))
    t.match(proxy.host.services[0]?.upstream?.(), { state: 'untried' }, 'and not blamed')
  }
})

void t.test('a client that does not take its reply', async (t) => {
  const payload = Buffer.alloc(12_000, 7)
  const port = await server(t, (socket) => {
    socket.once('data', () => {
      socket.write(hex('05 00'))
      socket.once('data', () => socket.write(Buffer.concat([hex('05 00 00 01 00000000 0000'), payload])))
    })
  })
  const proxy = await testHost(t, {
    type: 'socks5',
    transport: 'tcp',
    sendBuffer: 4096,
    upstream: { type: 'socks5', address: `127.0.0.1:${port}` },
    timeouts: { ...PATIENT, handshake: '1s' },
  })
  const loopback = new Loopback(t)
  const fd = await loopback.connect(
    { family: 4, protocol: 'tcp', receiveBuffer: 2048 },
    { address: '127.0.0.1', port: proxy.ports[0] ?? 0 },
  )
  native.send(fd, hex(`${NO_AUTH} ${request('host.example', 80)}`))
  const [record] = await proxy.records(1)
  t.equal(proxy.host.runtime.sessions.size, 0)
  t.match(record, { outcome: 'reset', error: 'the client took no reply within 1000 ms' })
})
