// What a session's record says, whatever becomes of the questions asked for it and of the clock.
import t, { type Test } from 'tap'
import {
  ALLOW_LOOPBACK,
  echoServer,
  near,
  NO_AUTH,
  request,
  Talker,
  testHost,
  type TestHost,
} from './host.js'

const SOCKS5 = { type: 'socks5', rules: ALLOW_LOOPBACK }

async function echoed(t: Test, { ports }: TestHost, echo: number): Promise<Talker> {
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.match(await talker.send(`${NO_AUTH} ${request('127.0.0.1', echo)} 6869`).take(14), /^05000500.*6869$/)
  return talker
}

void t.test('the clock is set back while a session lasts', async (t) => {
  const test = await testHost(t, SOCKS5)
  const talker = await echoed(t, test, await echoServer(t))
  const { now } = Date
  t.teardown(() => (Date.now = now))
  Date.now = () => now() - 3_600_000
  talker.socket.end()
  const [record] = await test.records(1)
  const duration = record?.duration ?? -1
  t.ok(duration >= 0 && Number.isInteger(duration), `a duration of ${duration} ms`)
})

void t.test('a kernel that cannot be asked any more changes neither outcome nor counts', async (t) => {
  const far = await testHost(t, SOCKS5)
  // MPTCP between the two
  const chain = await near(t, far.ports[0] ?? 0)
  const { kernel } = chain.host.runtime
  const gone = (): never => {
    throw Object.assign(new Error('getpeername: not connected (ENOTCONN)'), {
      code: 'ENOTCONN',
      errno: 107,
      syscall: 'getpeername',
    })
  }
  const echo = await echoServer(t)
  kernel.connectionInfo = gone
  const first = await echoed(t, chain, echo)
  first.socket.end()
  t.match(await chain.records(1), [{ outcome: 'eof', up: 2, down: 2, error: undefined }])

  kernel.verdict = gone
  const second = await echoed(t, chain, echo)
  second.socket.end()
  t.match((await chain.records(2))[1], {
    outcome: 'eof',
    up: 2,
    down: 2,
    error: undefined,
    client: { reason: /^the kernel could not be asked: .*ENOTCONN/ },
  })
})
