// A client's own SOCKS5 service that goes through an upstream one.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
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

async function connected(t: Test, { ports }: TestHost, port: number): Promise<Talker> {
  const talker = await Talker.to(t, ports[0] ?? 0)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', port)}`)
  t.match(await talker.take(12), /^0500050000017f000001/, 'connected through the chain')
  return talker
}

async function refusal(t: Test, { ports }: TestHost, host: string, port: number): Promise<string> {
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(await talker.send(NO_AUTH).take(2), '0500')
  return talker.send(request(host, port)).rest()
}

void t.test('bytes and half-closes through the chain, MPTCP between the proxies', async (t) => {
  // answers only when all is there: nothing would come back without half-close all the way
  const port = await server(t, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (bytes) => hash.update(bytes))
    socket.on('end', () => socket.end(hash.digest()))
  })
  const users = { alice: { password: 'secret' } }
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK, users })
  const chain = await near(t, far.ports[0] ?? 0, { username: 'alice', password: 'secret' })
  const talker = await connected(t, chain, port)
  const payload = randomBytes(1_000_000)
  talker.send(payload).socket.end()
  t.equal(await talker.rest(), createHash('sha256').update(payload).digest('hex'))

  const [nearRecord] = await chain.records(1)
  const [farRecord] = await far.records(1)
  const bytes = { up: payload.length, down: 32, outcome: 'eof' }
  t.match(nearRecord, { ...bytes, remote: { address: `127.0.0.1:${far.ports[0]}` } })
  t.match(farRecord, { ...bytes, user: 'alice', remote: { address: `127.0.0.1:${port}`, protocol: 'tcp' } })
  const why = chain.host.runtime.kernel.whyNoMptcp()
  const between = why === undefined ? { protocol: 'mptcp' } : { protocol: 'tcp', reason: why }
  t.match(nearRecord?.remote, between)
  t.match(farRecord?.client, between)
  if (why === undefined) {
    // the kernel lets go of a connection's subflows when both streams have ended: they are asked before
    const [sent] = nearRecord?.remote?.subflows ?? []
    const [received] = farRecord?.client.subflows ?? []
    t.ok((sent?.sent ?? 0) >= payload.length, `the near end's subflow has sent ${sent?.sent ?? 'nothing'}`)
    t.ok(
      (received?.received ?? 0) >= payload.length,
      `the far end's has received ${received?.received ?? 'nothing'}`,
    )
    t.equal(sent?.local, received?.remote)
  }
  t.notMatch(chain.logged() + far.logged(), 'secret')
})

void t.test('a reset runs through the chain', async (t) => {
  const accepted: Socket[] = []
  const port = await server(t, (socket) => accepted.push(socket.resume()))
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK })
  const chain = await near(t, far.ports[0] ?? 0)
  const talker = await connected(t, chain, port)
  talker.send('6869')
  await until('the server has it', () => (accepted[0]?.bytesRead === 2 ? undefined : 'not yet'))
  accepted[0]?.resetAndDestroy()
  t.equal(await talker.rest(), 'reset')
  t.match(await chain.records(1), [{ outcome: 'reset', up: 2, down: 0, error: /^remote broke off: E/ }])
  t.match(await far.records(1), [{ outcome: 'reset', up: 2, down: 0, error: /^remote broke off: E/ }])
})

void t.test('early data, and data that comes with the reply', async (t) => {
  const greeter = await server(t, (socket) => {
    socket.write('welcome')
    socket.pipe(socket)
  })
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK })
  const chain = await near(t, far.ports[0] ?? 0)
  const talker = await Talker.to(t, chain.ports[0] ?? 0)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', greeter)} 6869`).socket.end()
  t.match(
    await talker.rest(),
    new RegExp(`^0500050000017f000001....${Buffer.from('welcomehi').toString('hex')}$`),
  )
  t.match(await chain.records(1), [{ up: 2, down: 9, outcome: 'eof' }])
})

void t.test("the upstream's reasons are passed on", async (t) => {
  const refused = await closedPort()
  const rules = [{ deny: { ports: 25 } }, ...ALLOW_LOOPBACK]
  const far = await testHost(t, { type: 'socks5', rules })
  const chain = await near(t, far.ports[0] ?? 0)
  t.equal(await refusal(t, chain, '127.0.0.1', refused), failure(5), 'refused')
  t.equal(await refusal(t, chain, `${'x'.repeat(64)}.example`, 80), failure(4), 'a name that cannot be')
  t.equal(await refusal(t, chain, '127.0.0.1', 25), failure(2), 'denied by the upstream')
  t.match(await chain.records(3), [
    {
      outcome: 'unreachable',
      error: /^the upstream proxy answered 5 \(connectionRefused\) for 127\.0\.0\.1:/,
    },
    { outcome: 'unreachable', error: /answered 4 \(hostUnreachable\)/ },
    { outcome: 'unreachable', error: /answered 2 \(notAllowed\)/ },
  ])
  t.match(await far.records(3), [
    { outcome: 'unreachable' },
    { outcome: 'unreachable' },
    { outcome: 'denied' },
  ])
})

void t.test('spellings that the upstream would read as an address are one before any rule', async (t) => {
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK })
  const rules = [{ deny: { destinations: '10.0.0.0/8' } }, ...ALLOW_LOOPBACK]
  const chain = await near(t, far.ports[0] ?? 0, {}, { rules })
  const spellings = ['10.66051', '0x0a010203', '167838211', '012.1.515', '10.1.2.3.']
  for (const host of spellings) t.equal(await refusal(t, chain, host, 80), failure(2), host)
  for (const record of await chain.records(spellings.length)) {
    t.match(record, { outcome: 'denied', destination: '10.1.2.3:80' })
  }
  t.equal(await refusal(t, chain, '10.1.2.3.4', 80), failure(4), 'neither name nor address')

  const echo = await echoServer(t)
  const talker = await Talker.to(t, chain.ports[0] ?? 0)
  talker.send(`${NO_AUTH} ${request('0x7f.1', echo)} 6869`).socket.end()
  t.match(await talker.rest(), /^0500050000017f000001....6869$/)
  t.match(await far.records(1), [{ destination: `127.0.0.1:${echo}` }], 'nothing else reaches the upstream')
})

void t.test("the near end's own rules come first, and judge names without looking them up", async (t) => {
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK })
  const rules = [
    { deny: { destinations: 'evil.example' } },
    { allow: { destinations: '127.0.0.0/8' } },
    { deny: {} },
  ]
  const chain = await near(t, far.ports[0] ?? 0, {}, { rules })
  const echo = await echoServer(t)
  t.equal(await refusal(t, chain, 'evil.example', 80), failure(2))
  t.equal(await refusal(t, chain, 'localhost', echo), failure(2), 'only literals are known to be in a prefix')
  ;(await connected(t, chain, echo)).socket.end()
  await far.records(1)
  t.equal((await far.records(1)).length, 1, 'what is denied never reaches the upstream')
})

void t.test('an upstream that does not let us in', async (t) => {
  const users = { alice: { password: 'secret' } }
  const far = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK, users })
  const [port = 0] = far.ports
  const folder = t.testdir({ password: 'hunter2\n' })
  const wrong = await near(t, port, { username: 'alice', passwordFile: join(folder, 'password') })
  t.equal(await refusal(t, wrong, '127.0.0.1', 80), failure(1))
  t.match(await wrong.records(1), [
    { outcome: 'unreachable', error: 'the upstream proxy refused the password of "alice"' },
  ])
  t.notMatch(wrong.logged() + far.logged(), /hunter2|secret/)

  const without = await near(t, port)
  t.equal(await refusal(t, without, '127.0.0.1', 80), failure(1))
  t.match(await without.records(1), [
    { error: /^the upstream proxy wants a password and none is configured/ },
  ])

  const down = await near(t, await closedPort())
  t.equal(
    await refusal(t, down, '127.0.0.1', 80),
    failure(1),
    "not 'refused': the destination did nothing wrong",
  )
  t.match(await down.records(1), [
    {
      outcome: 'unreachable',
      error: /^the upstream proxy 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/,
    },
  ])
})

/** A proxy that says what the test wants: after the greeting `method`, after the request `reply`. */
function scripted(t: Test, method: string, reply = ''): Promise<number> {
  return server(t, (socket) => {
    void (async () => {
      await once(socket, 'data')
      socket.write(hex(method))
      if (reply === '') {
        socket.end()
        return
      }
      await once(socket, 'data')
      socket.write(hex(reply))
      socket.pipe(socket)
    })()
  })
}

void t.test('upstreams with answers of their own', async (t) => {
  const success = '05 00 00 01 7f000001 1234'
  for (const [what, method, reply] of [
    ['no method', '05 ff', ''],
    ['another version', '04 00', ''],
    ['HTTP', Buffer.from('HTTP/1.1 400').toString('hex'), ''],
    ['an end after the method', '05 00', ''],
    ['another version in the reply', '05 00', '04 00 00 01 7f000001 1234'],
    ['an address type that does not exist', '05 00', '05 00 00 09 7f000001 1234'],
    ['a code that does not exist', '05 00', '05 42 00 01 00000000 0000'],
  ] as const) {
    const chain = await near(t, await scripted(t, method, reply))
    t.equal(await refusal(t, chain, '127.0.0.1', 80), failure(1), what)
    t.match(await chain.records(1), [{ outcome: 'unreachable', error: /^the upstream proxy / }], what)
  }

  const named = await near(t, await scripted(t, '05 00', '05 00 00 03 01 78 0050'))
  const talker = await Talker.to(t, named.ports[0] ?? 0)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', 80)}`)
  t.equal(await talker.take(12), `0500${failure(0)}`, 'a name as the bound address means nothing here')

  const eager = await near(t, await scripted(t, '05 00', `${success} 77656c636f6d65`))
  const client = await Talker.to(t, eager.ports[0] ?? 0)
  client.send(`${NO_AUTH} ${request('127.0.0.1', 80)}`)
  t.equal(await client.take(12), '0500050000017f0000011234', "the upstream's outgoing address")
  t.equal(await client.take(7), '77656c636f6d65', 'what came with the reply')
  client.send('6869').socket.end()
  t.equal(await client.rest(), '6869')
  t.match(await eager.records(1), [{ up: 2, down: 9 }])
})

void t.test('an upstream that says nothing', async (t) => {
  const silent = await server(t, () => undefined)
  const patience = [
    ['connectTimeout', { connectTimeout: '300ms' }, {}],
    ['the dial timeout, where that is shorter', {}, { timeouts: { dial: '300ms' } }],
  ] as const
  for (const [what, upstream, more] of patience) {
    const chain = await near(t, silent, upstream, more)
    t.equal(await refusal(t, chain, '127.0.0.1', 80), failure(1), what)
    t.match(await chain.records(1), [
      {
        outcome: 'unreachable',
        error: /^the upstream proxy \S+ cannot be reached: no answer within 300 ms$/,
      },
    ])
  }
})

void t.test('an upstream that is lost in its own dial: the dial timeout', async (t) => {
  const port = await server(t, (socket) => {
    socket.once('data', () => socket.write(hex('05 00')))
  })
  const chain = await near(t, port, {}, { timeouts: { dial: '300ms' } })
  t.equal(await refusal(t, chain, '127.0.0.1', 80), failure(6), 'it is the destination that takes too long')
  t.match(await chain.records(1), [
    { outcome: 'unreachable', error: /^no answer from the upstream proxy \S+ within 300 ms$/ },
  ])
})

void t.test('stopping withdraws what waits for an upstream', async (t) => {
  const silent = await server(t, () => undefined)
  const chain = await near(t, silent)
  const talker = await Talker.to(t, chain.ports[0] ?? 0)
  t.equal(await talker.send(`${NO_AUTH} ${request('127.0.0.1', 80)}`).take(2), '0500')
  await chain.host.stop()
  t.match(await chain.records(1), [{ outcome: 'unreachable', error: 'the service is stopping' }])
  t.equal(chain.host.runtime.sessions.size, 0)
})

/** A proxy that says these messages, one for each of ours, and ends with the last. */
async function saying(t: Test, ...messages: string[]): Promise<number> {
  return await server(t, (socket) => {
    const left = messages.map(hex)
    socket.on('data', () => {
      const next = left.shift()
      if (next === undefined) return
      if (left.length === 0) socket.end(next)
      else socket.write(next)
    })
  })
}

void t.test('answers of other proxies: what means nothing is not looked at', async (t) => {
  const payload = Buffer.from('hello').toString('hex')
  const credentials = { username: 'alice', password: 'secret' }
  const cases: [what: string, messages: string[], answer: RegExp | string, credentials?: object][] = [
    ['a failure without an address', ['05 00', '05 05'], failure(5)],
    ['a failure with an address of no type', ['05 00', '05 04 00 00 00000000 0000'], failure(4)],
    ['a failure with half an address', ['05 00', '05 03 00 01 7f'], failure(3)],
    [
      'a reserved byte and an empty name',
      ['05 00', `05 00 2a 03 00 0000 ${payload}`],
      /^050000.*68656c6c6f$/,
    ],
    ['the SOCKS version at the password', ['05 02', '05 00', '05 05'], failure(5), credentials],
  ]
  for (const [what, messages, answer, more] of cases) {
    const chain = await near(t, await saying(t, ...messages), more)
    t.match(await refusal(t, chain, '192.0.2.1', 80), answer, what)
  }
})
