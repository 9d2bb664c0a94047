// The SOCKS5 service over real sockets, byte by byte.
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../support/until.js'
import {
  ALLOW_LOOPBACK,
  closedPort,
  echoServer,
  failure,
  hex,
  NO_AUTH,
  request,
  server,
  Talker,
  testHost,
} from './host.js'

const socks5 = (more: object = {}) => ({ type: 'socks5', rules: ALLOW_LOOPBACK, ...more })

/** The proxy's whole answer to a request after `05 01 00`, up to the end of the connection. */
async function answerTo(t: Test, port: number, message: string): Promise<string> {
  const talker = await Talker.to(t, port)
  talker.send(NO_AUTH)
  t.equal(await talker.take(2), '0500')
  return talker.send(message).rest()
}

void t.test('a connection', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, socks5())
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(await talker.send(NO_AUTH).take(2), '0500')
  const reply = await talker.send(request('127.0.0.1', echo)).take(10)
  t.match(reply, /^050000017f000001[0-9a-f]{4}$/, "success, with the proxy's outgoing address")
  t.not(reply.slice(-4), '0000', 'and port')
  t.equal(await talker.send('68 65 79').take(3), '686579')
  talker.socket.end()
  t.equal(await talker.rest(), '', 'the end comes back as an end')
  const [record] = await records(1)
  t.match(record, {
    service: 'socks5',
    outcome: 'eof',
    destination: `127.0.0.1:${echo}`,
    client: { protocol: 'tcp', reason: String, address: /^127\.0\.0\.1:\d+$/ },
    remote: { protocol: 'tcp', reason: String, address: `127.0.0.1:${echo}` },
    up: 3,
    down: 3,
  })
})

void t.test('however the bytes are cut', async (t) => {
  const echo = await echoServer(t)
  const { ports } = await testHost(t, socks5())
  const all = hex(`${NO_AUTH} ${request('127.0.0.1', echo)} 6869`)

  const atOnce = await Talker.to(t, ports[0] ?? 0)
  atOnce.send(all)
  t.match(await atOnce.take(12), /^0500050000017f000001/)
  t.equal(await atOnce.take(2), '6869', 'early data goes to the destination')

  const oneByOne = await Talker.to(t, ports[0] ?? 0)
  for (const byte of all) {
    await new Promise((resolve) => oneByOne.socket.write(Buffer.from([byte]), resolve))
    await new Promise(setImmediate)
  }
  t.match(await oneByOne.take(12), /^0500050000017f000001/)
  t.equal(await oneByOne.take(2), '6869')

  for (let cut = 1; cut < all.length; cut++) {
    const talker = await Talker.to(t, ports[0] ?? 0)
    talker.send(all.subarray(0, cut))
    if (cut >= 3) t.equal(await talker.take(2), '0500')
    talker.send(all.subarray(cut))
    t.match(await talker.take(cut >= 3 ? 12 : 14), /6869$/, `cut after ${cut} bytes`)
    talker.socket.destroy()
  }
})

void t.test('closed at every byte', async (t) => {
  const echo = await echoServer(t)
  const { ports, records, host } = await testHost(t, socks5())
  const all = hex(`${NO_AUTH} ${request('127.0.0.1', echo)}`)
  for (let cut = 0; cut < all.length; cut++) {
    const talker = await Talker.to(t, ports[0] ?? 0)
    talker.send(all.subarray(0, cut)).socket.end()
    t.equal(await talker.rest(), cut < 3 ? '' : '0500')
  }
  const ended = await records(all.length)
  for (const { outcome, error } of ended) {
    t.match({ outcome, error }, { outcome: 'handshake', error: 'the connection ended within the handshake' })
  }
  t.equal(host.runtime.sessions.size, 0)
})

void t.test('every reason has its reply, and then the connection ends', async (t) => {
  const { ports } = await testHost(t, socks5(), { type: 'socks5', rules: [{ deny: { ports: 25 } }] })
  const [port = 0, strict = 0] = ports
  const refused = await closedPort()
  t.equal(await answerTo(t, port, request('127.0.0.1', refused)), failure(5), 'refused')
  t.equal(
    await answerTo(t, port, request(`${'x'.repeat(64)}.example`, 80)),
    failure(4),
    'a name that cannot be',
  )
  for (const name of ['exa mple', 'a\0b', '[::1]', 'münchen', '-']) {
    t.equal(
      await answerTo(t, port, request(Buffer.from(name).toString('latin1'), 80)),
      failure(4),
      JSON.stringify(name),
    )
  }
  t.equal(await answerTo(t, port, request('127.0.0.1', refused, 2)), failure(7), 'BIND')
  t.equal(await answerTo(t, port, request('127.0.0.1', refused, 3)), failure(7), 'UDP ASSOCIATE')
  t.equal(
    await answerTo(t, port, request('127.0.0.1', refused, 9)),
    failure(7),
    'a command that does not exist',
  )
  t.equal(
    await answerTo(t, port, '05 01 00 02 7f000001 0050'),
    failure(8),
    'an address type that does not exist',
  )
  t.equal(
    await answerTo(t, port, '05 02 01 01 7f000001 0050'),
    failure(7),
    'the reserved byte means nothing, BIND does',
  )
  t.equal(await answerTo(t, port, '05 01 00 03 00 0050'), failure(1), 'an empty name')
  t.equal(await answerTo(t, port, request('127.0.0.1', 0)), failure(1), 'port 0')
  t.equal(await answerTo(t, port, '04 01 0050 7f000001 00'), '', 'SOCKS4 has no answer in SOCKS5')
  t.equal(await answerTo(t, strict, request('192.0.2.1', 25)), failure(2), 'denied by a rule')
})

void t.test('this host stays protected, by whatever name', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, { type: 'socks5' })
  const names = [
    '127.0.0.1',
    '0.0.0.0',
    'localhost',
    '2130706433',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '017700000001',
    '::ffff:7f00:1',
    '::1',
    '::',
  ]
  for (const host of names) {
    t.equal(await answerTo(t, ports[0] ?? 0, request(host, echo)), failure(2), host)
  }
  const mapped = `05 01 00 04 00000000000000000000ffff7f000001 ${echo.toString(16).padStart(4, '0')}`
  t.equal(await answerTo(t, ports[0] ?? 0, mapped), failure(2), 'an IPv4-mapped address')
  for (const { outcome } of await records(names.length + 1)) t.equal(outcome, 'denied')
})

void t.test('a program that takes the SOCKS port for an HTTP proxy', async (t) => {
  const ask = async (ports: number[], first: string, rest = ''): Promise<string> => {
    const talker = await Talker.to(t, ports[0] ?? 0)
    talker.send(Buffer.from(first)).send(Buffer.from(rest)).socket.end()
    return Buffer.from(await talker.rest(), 'hex').toString()
  }
  const get = 'GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n'
  const alone = await testHost(t, socks5())
  const [port = 0] = alone.ports
  t.match(
    await ask(alone.ports, get),
    `\r\n\r\nThis is a SOCKS5 proxy (socks5h://127.0.0.1:${port}), not an HTTP proxy. An HTTP proxy is a service of type connect, which is not set up here.\n`,
  )
  const both = await testHost(t, socks5(), { type: 'connect' })
  for (const request of [get, get.replace('GET', 'HEAD'), 'CONNECT a:1 HTTP/1.1\r\n\r\n']) {
    const answer = await ask(both.ports, request.slice(0, 1), request.slice(1))
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
    t.match(answer, `The HTTP proxy is http://127.0.0.1:${both.ports[1]}.\n`)
  }
  t.match(await alone.records(1), [{ outcome: 'handshake', error: 'expected SOCKS version 5, found 71' }])
})

void t.test('what methods are offered', async (t) => {
  const { ports } = await testHost(t, socks5())
  const greet = async (greeting: string): Promise<string> =>
    (await Talker.to(t, ports[0] ?? 0)).send(greeting).rest()
  t.equal(await greet('05 01 02'), '05ff', 'password only')
  t.equal(await greet('05 02 01 80'), '05ff')
  t.equal(await greet('05 00'), '', 'none at all')
  t.equal(await greet('16 03 01 02 00'), '15030300020228', 'TLS: its alert handshake_failure')
  t.equal(await greet('04 01 00 50 7f 00 00 01 00'), '005b000000000000', 'SOCKS4: its refusal')
  t.equal(await greet('80 01'), '', 'what speaks no protocol that we know')
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(await talker.send('05 03 01 02 00').take(2), '0500', 'one of several')
})

void t.test('passwords (RFC 1929)', async (t) => {
  const echo = await echoServer(t)
  const { ports, records, logged } = await testHost(t, socks5({ users: { alice: { password: 'secret' } } }))
  const [port = 0] = ports
  const credentials = (user: string, password: string): string =>
    Buffer.from([1, user.length, ...Buffer.from(user), password.length, ...Buffer.from(password)]).toString(
      'hex',
    )

  const right = await Talker.to(t, port)
  t.equal(await right.send('05 02 00 02').take(2), '0502', 'a password even where none is offered too')
  t.equal(await right.send(credentials('alice', 'secret')).take(2), '0100')
  t.match(await right.send(request('127.0.0.1', echo)).take(10), /^05000001/)
  right.socket.end()
  t.match(await records(1), [{ user: 'alice', outcome: 'eof' }])

  const atOnce = await Talker.to(t, port)
  atOnce.send(`050102 ${credentials('alice', 'secret')} ${request('127.0.0.1', echo)} 6869`)
  t.match(await atOnce.take(14), /^0502010005000001/)
  t.equal(await atOnce.take(2), '6869')
  atOnce.socket.end()

  for (const [user, password] of [
    ['alice', 'hunter2'],
    ['eve', 'secret'],
    ['alice', ''],
  ] as const) {
    const wrong = await Talker.to(t, port)
    t.equal(await wrong.send('05 01 02').take(2), '0502')
    wrong.send(credentials(user, password) + request('127.0.0.1', echo))
    t.equal(await wrong.rest(), '0101', `${user} with ${password}`)
  }
  const noName = await Talker.to(t, port)
  t.equal(await noName.send('05 01 02').take(2), '0502')
  t.equal(await noName.send('01 00 01 61').rest(), '')
  const without = await Talker.to(t, port)
  t.equal(await without.send('05 01 00').rest(), '05ff')

  const ended = await records(7)
  t.equal(ended.filter(({ outcome }) => outcome === 'handshake').length, 5)
  t.notMatch(logged(), /secret|hunter2/)
})

void t.test('users, sources and ports in rules', async (t) => {
  const echo = await echoServer(t)
  const rules = [{ allow: { users: 'alice', destinations: '127.0.0.1', sources: '127.0.0.2' } }]
  const { ports } = await testHost(t, {
    type: 'socks5',
    rules,
    users: { alice: { password: 'a' }, bob: { password: 'b' } },
  })
  const reply = async (user: string, password: string, from: string): Promise<string> => {
    const talker = await Talker.to(t, ports[0] ?? 0, from)
    const name = Buffer.from([1, user.length, ...Buffer.from(user), 1, ...Buffer.from(password)])
    talker.send(`050102 ${name.toString('hex')} ${request('127.0.0.1', echo)}`)
    return (await talker.take(14)).slice(8, 12)
  }
  t.equal(await reply('alice', 'a', '127.0.0.2'), '0500')
  t.equal(await reply('alice', 'a', '127.0.0.1'), '0502')
  t.equal(await reply('bob', 'b', '127.0.0.2'), '0502')
})

void t.test('the handshake has a time limit, payload has none', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, socks5({ timeouts: { handshake: '3s' } }))
  const quick = await Talker.to(t, ports[0] ?? 0)
  t.match(await quick.send(`${NO_AUTH} ${request('127.0.0.1', echo)}`).take(12), /^050005000001/)
  const slow = await Talker.to(t, ports[0] ?? 0)
  slow.send('05 01')
  const silent = await Talker.to(t, ports[0] ?? 0)
  t.equal(await slow.rest(), '', 'closed without a word')
  t.equal(await silent.rest(), '')
  for (const record of await records(2)) {
    t.match(record, { outcome: 'handshake', error: 'no complete handshake within 3000 ms', up: 0, down: 0 })
  }
  t.equal(await quick.send('6869').take(2), '6869')
})

void t.test('idle connections end after the idle time', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, socks5({ timeouts: { idle: '300ms' } }))
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.match(await talker.send(`${NO_AUTH} ${request('127.0.0.1', echo)}`).take(12), /^050005000001/)
  t.equal(await talker.rest(), 'reset', 'a cut is no end')
  t.match(await records(1), [{ outcome: 'timeout' }])
})

void t.test('a reset on one side is a reset on the other', async (t) => {
  const accepted: Socket[] = []
  const port = await server(t, (socket) => accepted.push(socket.resume()))
  const { ports, records } = await testHost(t, socks5())
  const open = async (): Promise<Talker> => {
    const talker = await Talker.to(t, ports[0] ?? 0)
    talker.send(`${NO_AUTH} ${request('127.0.0.1', port)} 6869`)
    t.match(await talker.take(12), /^050005000001/)
    await until('the server accepts', () => (accepted.at(-1)?.bytesRead === 2 ? undefined : 'no bytes'))
    return talker
  }
  const byServer = await open()
  accepted.pop()?.resetAndDestroy()
  t.equal(await byServer.rest(), 'reset')
  const byClient = await open()
  const errors: string[] = []
  accepted[0]?.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''))
  byClient.socket.resetAndDestroy()
  await until('the server sees it', () => (errors.length > 0 ? undefined : 'no error'))
  t.strictSame(errors, ['ECONNRESET'])
  t.match(await records(2), [
    { outcome: 'reset', error: /^remote broke off: E/, up: 2 },
    { outcome: 'reset', error: /^client broke off: E/, up: 2 },
  ])
})
