// Clients beyond a limit, byte by byte: each is told in its protocol, few are heard at a time, and all are counted.
import t, { type Test } from 'tap'
import { refusalRoom } from '../../../proxy/admission.js'
import { until } from '../../support/until.js'
import {
  ALLOW_LOOPBACK,
  echoServer,
  failure,
  NO_AUTH,
  request,
  Talker,
  testHost,
  type TestHost,
} from './host.js'

const LIMIT = 0x4c
const USERS = { alice: { password: 'secret' }, bob: { password: 'secret' } }

const socks5 = (more: object): object => ({ type: 'socks5', rules: ALLOW_LOOPBACK, ...more })

/** A session that stays open. */
async function open(t: Test, { ports }: TestHost, echo: number, from = '127.0.0.1'): Promise<Talker> {
  const talker = await Talker.to(t, ports[0] ?? 0, from)
  t.match(await talker.send(`${NO_AUTH} ${request('127.0.0.1', echo)}`).take(12), /^050005000001/)
  return talker
}

/** As user of a service with passwords, up to the reply. */
async function asUser(
  t: Test,
  port: number,
  name: string,
  echo: number,
): Promise<{ talker: Talker; reply: string }> {
  const talker = await Talker.to(t, port)
  const login = `050102 01 ${Buffer.from([name.length]).toString('hex')}${Buffer.from(name).toString('hex')} 06 736563726574`
  t.equal(await talker.send(login).take(4), '05020100')
  return { talker, reply: await talker.send(request('127.0.0.1', echo)).take(10) }
}

const warnings = ({ logged }: TestHost): string[] =>
  logged()
    .split('\n')
    .filter((line) => line.includes('refused'))

void t.test('SOCKS5: a reply that says so, after the greeting and the request', async (t) => {
  const echo = await echoServer(t)
  const test = await testHost(t, socks5({ limits: { connections: 3, perSource: 2 } }))
  const [port = 0] = test.ports
  const first = await open(t, test, echo, '127.0.0.2')
  await open(t, test, echo, '127.0.0.2')
  const refused = async (from: string): Promise<string> => {
    const talker = await Talker.to(t, port, from)
    t.equal(await talker.send(NO_AUTH).take(2), '0500')
    return talker.send(request('127.0.0.1', echo)).rest()
  }
  t.equal(await refused('127.0.0.2'), failure(LIMIT), 'a third of one source')
  await open(t, test, echo, '127.0.0.3')
  t.equal(await refused('127.0.0.4'), failure(LIMIT), 'a fourth in all')
  for (let n = 0; n < 20; n++) t.equal(await refused('127.0.0.2'), failure(LIMIT))
  const lines = warnings(test)
  t.match(lines, [
    /"level":"warn".*"limit":"perSource".*"client":"127\.0\.0\.2:\d+"/,
    /"level":"warn".*"limit":"connections".*"client":"127\.0\.0\.4:\d+"/,
  ])
  t.equal(lines.length, 2, 'the others are counted')
  t.match(await test.host.runtime.metrics.refused.get(), {
    values: [
      { labels: { service: 'socks5', limit: 'perSource' }, value: 21 },
      { labels: { limit: 'connections' }, value: 1 },
    ],
  })
  const { values } = await test.host.runtime.metrics.sessions.get()
  t.match(values, [{ labels: { outcome: 'limit' }, value: 22 }])
  first.socket.end()
  t.equal((await test.records(1)).length, 1, 'they leave no records')
  await open(t, test, echo, '127.0.0.4')
  await test.host.stop()
  t.match(
    warnings(test)[2],
    /"limit":"perSource".*"count":20.*"msg":"20 more connections refused: limit perSource"/,
  )
})

void t.test(
  'users: each has a limit of his own, and a crowded source is no reason to refuse one',
  async (t) => {
    const echo = await echoServer(t)
    const test = await testHost(t, socks5({ users: USERS, limits: { perSource: 1, perUser: 2 } }))
    const [port = 0] = test.ports
    const silent = await Talker.to(t, port)
    await until('it has its place', () => (test.host.services[0]?.limits().open === 1 ? undefined : 'none'))
    const first = await asUser(t, port, 'alice', echo)
    t.match(first.reply, /^05000001/, 'although the source is full')
    t.match((await asUser(t, port, 'alice', echo)).reply, /^05000001/)
    t.equal((await asUser(t, port, 'alice', echo)).reply, failure(LIMIT))
    t.match((await asUser(t, port, 'bob', echo)).reply, /^05000001/)
    t.match(test.host.services[0]?.limits(), { open: 4, refused: { perUser: 1 } })
    t.match(warnings(test), [/"limit":"perUser".*"user":"alice"/])
    first.talker.socket.end()
    await test.records(1)
    t.match((await asUser(t, port, 'alice', echo)).reply, /^05000001/)
    silent.socket.destroy()
  },
)

void t.test('HTTP: a status, when to come again, and why', async (t) => {
  const echo = await echoServer(t)
  const test = await testHost(
    t,
    { type: 'connect', rules: ALLOW_LOOPBACK, limits: { connections: 2, perSource: 1 } },
    {
      type: 'reverse-tcp',
      choose: 'host',
      sites: { 'one.example': `127.0.0.1:${echo}` },
      limits: { connections: 1 },
    },
  )
  const [proxy = 0, reverse = 0] = test.ports
  const ask = async (port: number, text: string, from = '127.0.0.1'): Promise<Talker> =>
    (await Talker.to(t, port, from)).send(Buffer.from(text))
  const text = async (talker: Promise<Talker>): Promise<string> =>
    Buffer.from(await (await talker).rest(), 'hex').toString()
  const connect = `CONNECT 127.0.0.1:${echo} HTTP/1.1\r\nHost: 127.0.0.1:${echo}\r\n\r\n`
  const heldOpen = await ask(proxy, connect)
  await heldOpen.take(12)
  const why = /\r\nRetry-After: \d+\r\n/
  const tooMany = await text(ask(proxy, connect))
  t.match(
    tooMany,
    /^HTTP\/1.1 429 Too Many Requests\r\nProxy-Status: mptk; error=connection_limit_reached\r\n/,
  )
  t.match(tooMany, why)
  await (await ask(proxy, connect, '127.0.0.2')).take(12)
  const full = await text(ask(proxy, connect, '127.0.0.3'))
  t.match(
    full,
    /^HTTP\/1.1 503 Service Unavailable\r\nProxy-Status: mptk; error=connection_limit_reached\r\n/,
  )
  t.match(full, why)

  const get = 'GET / HTTP/1.1\r\nHost: one.example\r\n\r\n'
  await (await ask(reverse, get)).take(10)
  const busy = await text(ask(reverse, get))
  t.match(busy, /^HTTP\/1.1 503 /)
  t.match(busy, why)
})

void t.test('a protocol without words for it: a reset, at once', async (t) => {
  const echo = await echoServer(t)
  const test = await testHost(
    t,
    { type: 'reverse-tcp', target: `127.0.0.1:${echo}`, limits: { connections: 1 } },
    { type: 'reverse-tcp', choose: 'sni', sites: { a: `127.0.0.1:${echo}` }, limits: { connections: 1 } },
  )
  for (const port of test.ports) {
    const first = await Talker.to(t, port)
    await until('it has its place', () =>
      test.host.services.some(
        ({ listeners, limits }) => listeners[0]?.address.port === port && limits().open === 1,
      )
        ? undefined
        : 'none',
    )
    t.equal(await (await Talker.to(t, port)).rest(), 'reset')
    first.socket.destroy()
  }
})

void t.test('few of them are heard at a time, and none for long', async (t) => {
  const echo = await echoServer(t)
  const test = await testHost(t, socks5({ limits: { connections: 1 } }))
  const [port = 0] = test.ports
  await open(t, test, echo)
  const room = refusalRoom(1)
  const silent = await Promise.all(
    Array.from({ length: room }, (_, n) => Talker.to(t, port, `127.0.1.${n + 1}`)),
  )
  await until('they are heard', () =>
    test.host.runtime.sessions.size === room + 1 ? undefined : `${test.host.runtime.sessions.size}`,
  )
  t.equal(await (await Talker.to(t, port, '127.0.2.1')).rest(), 'reset', 'no room: only a reset is left')
  for (const each of silent) t.match(await each.rest(), /^(reset)?$/, 'nothing was said to who said nothing')
  t.match(test.host.services[0]?.limits(), { open: 1, refused: { connections: room + 1 } })
  const talker = await Talker.to(t, port)
  t.equal(await talker.send(NO_AUTH).take(2), '0500', 'then others are heard')
  t.equal(await talker.send(request('127.0.0.1', echo)).rest(), failure(LIMIT))
})

void t.test('a crowd that says nothing keeps nobody out', async (t) => {
  const echo = await echoServer(t)
  const test = await testHost(t, socks5({ limits: { connections: 10 }, timeouts: { handshake: '1h' } }))
  const [port = 0] = test.ports
  const crowd = await Promise.all(Array.from({ length: 30 }, () => Talker.to(t, port)))
  await until('somebody is let in', async () => {
    const talker = await Talker.to(t, port)
    talker.send(`${NO_AUTH} ${request('127.0.0.1', echo)}`)
    const reply = await talker.take(12).catch((error: unknown) => String(error))
    if (reply.startsWith('05000500')) return undefined
    talker.socket.destroy()
    return reply
  })
  t.ok((test.host.services[0]?.limits().refused.handshake ?? 0) >= 1, 'in the place of one that was silent')
  for (const each of crowd) each.socket.destroy()
})
