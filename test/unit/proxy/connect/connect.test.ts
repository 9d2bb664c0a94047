// The HTTP proxy, byte by byte: tunnels, forwarded requests, passwords, failures, its own pages.
import t, { type Test } from 'tap'
import { ALLOW_LOOPBACK, closedPort, echoServer, server, Talker, testHost } from '../host.js'

const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`

/** Sends text, ends, and returns all that comes back. */
async function ask(t: Test, port: number, ...pieces: string[]): Promise<string> {
  const talker = await Talker.to(t, port)
  for (const piece of pieces) {
    talker.send(Buffer.from(piece, 'latin1'))
    await new Promise(setImmediate)
  }
  talker.socket.end()
  const rest = await talker.rest()
  return rest === 'reset' ? rest : Buffer.from(rest, 'hex').toString('latin1')
}

const status = (answer: string): string => answer.slice(0, 'HTTP/1.1 200'.length)

void t.test('CONNECT', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, { type: 'connect', rules: ALLOW_LOOPBACK })
  const [port = 0] = ports
  const to = `127.0.0.1:${echo}`
  const connected = 'HTTP/1.1 200 Connection established\r\n\r\n'
  t.equal(await ask(t, port, `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, 'hello'), `${connected}hello`)
  t.equal(
    await ask(t, port, `CONNECT ${to} HTTP/1.0\r\n\r\nearly`),
    `${connected}early`,
    'bytes behind the head',
  )
  const lengthZero = `CONNECT LOCALHOST.:${echo} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\na`
  t.equal(await ask(t, port, lengthZero), `${connected}a`)
  const bytewise = `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\nhello`
  t.equal(await ask(t, port, ...bytewise.split(/(?=[^])/)), `${connected}hello`, 'byte by byte')
  t.match(await records(4), [
    { service: 'connect', destination: to, up: 5, down: 5, outcome: 'eof' },
    { destination: to, up: 5 },
    { destination: `localhost:${echo}` },
    { destination: to },
  ])
})

void t.test('success is not said before it is true', async (t) => {
  const { ports, records } = await testHost(t, { type: 'connect', rules: ALLOW_LOOPBACK })
  const [port = 0] = ports
  const get = (destination: string): Promise<string> =>
    ask(t, port, `CONNECT ${destination} HTTP/1.1\r\nHost: ${destination}\r\n\r\n`)
  t.match(await get(`127.0.0.1:${await closedPort()}`), /^HTTP\/1.1 502 [^]*error=connection_refused\r\n/)
  t.match(await get('169.254.169.254:80'), /^HTTP\/1.1 403 [^]*error=http_request_denied\r\n/)
  // a name that cannot be: no name server is asked, which might take its time
  t.match(await get(`${'x'.repeat(64)}.example:80`), /^HTTP\/1.1 502 [^]*error=dns_error\r\n/)
  const url = 'http://169.254.169.254/'
  t.match(await ask(t, port, `GET ${url} HTTP/1.0\r\n\r\n`), /^HTTP\/1.1 403 [^]*\r\n\r\n.+\n$/)
  t.match(
    await ask(t, port, `HEAD ${url} HTTP/1.0\r\n\r\n`),
    /^HTTP\/1.1 403 [^]*\r\n\r\n$/,
    'no body for HEAD',
  )
  t.match(await records(5), [{ outcome: 'unreachable' }, { outcome: 'denied' }])
})

void t.test('an upstream that is down', async (t) => {
  const upstream = { type: 'socks5', address: `127.0.0.1:${await closedPort()}` }
  const { ports } = await testHost(t, { type: 'connect', upstream })
  const answer = await ask(t, ports[0] ?? 0, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
  t.match(answer, /^HTTP\/1.1 503 [^]*error=destination_unavailable\r\n/)
})

void t.test('requests in absolute-form', async (t) => {
  const web = await server(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
    socket.pipe(socket)
  })
  const { ports, records } = await testHost(t, { type: 'connect', rules: ALLOW_LOOPBACK })
  const [port = 0] = ports
  const post = [
    `POST HTTP://LocalHost:${web}/a?b=c HTTP/1.1`,
    'Host: elsewhere.example',
    'Connection: keep-alive, X-Secret',
    'X-Secret: 1',
    'Proxy-Connection: keep-alive',
    'Keep-Alive: 5',
    'TE: trailers',
    'Upgrade: h2c',
    'HTTP2-Settings: x',
    'Proxy-Authorization: Basic eDp5',
    'Transfer-Encoding: chunked',
    'Cookie: a=b',
    '',
    '3\r\nabc\r\n0\r\n\r\n',
  ]
  const received = [
    'POST /a?b=c HTTP/1.1',
    `Host: LocalHost:${web}`,
    'Transfer-Encoding: chunked',
    'Cookie: a=b',
    'Via: 1.1 mptk',
    'Connection: close',
    '',
    '3\r\nabc\r\n0\r\n\r\n',
  ]
  const ok = 'HTTP/1.1 200 OK\r\nVia: 1.1 mptk\r\nConnection: close\r\n\r\n'
  t.equal(await ask(t, port, post.join('\r\n')), ok + received.join('\r\n'))
  t.match(await records(1), [{ destination: `localhost:${web}`, outcome: 'eof' }])
})

void t.test('passwords', async (t) => {
  const echo = await echoServer(t)
  const users = { alice: { password: 'a:b' } }
  const { ports, records, logged } = await testHost(t, { type: 'connect', users, rules: ALLOW_LOOPBACK })
  const [port = 0] = ports
  const head = (...fields: string[]): string =>
    [`CONNECT 127.0.0.1:${echo} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')
  const challenge = /^HTTP\/1.1 407 [^]*\r\nProxy-Authenticate: Basic realm="mptk", charset="UTF-8"\r\n/
  t.equal(status(await ask(t, port, head(`Proxy-Authorization: ${basic('alice:a:b')}`))), 'HTTP/1.1 200')
  t.match(await ask(t, port, head()), challenge)
  for (const wrong of [basic('alice:a'), basic('bob:a:b'), basic('alice'), 'Basic !!', 'Bearer x', 'Basic']) {
    t.match(await ask(t, port, head(`Proxy-Authorization: ${wrong}`)), challenge, wrong)
  }
  const twice = head(
    `Proxy-Authorization: ${basic('alice:a:b')}`,
    `Proxy-Authorization: ${basic('alice:a:b')}`,
  )
  t.equal(status(await ask(t, port, twice)), 'HTTP/1.1 400')
  t.match(await ask(t, port, `GET http://127.0.0.1:${echo}/ HTTP/1.0\r\n\r\n`), challenge)
  t.equal(
    status(await ask(t, port, 'GET /proxy.pac HTTP/1.0\r\n\r\n')),
    'HTTP/1.1 200',
    'programs fetch it without',
  )
  t.match(await records(11), [{ user: 'alice', outcome: 'eof' }, { outcome: 'handshake' }])
  t.notMatch(logged(), /a:b|YWxpY2U6YTpi/, 'no password in the log')
})

void t.test('a user whose name HTTP Basic cannot carry', async (t) => {
  const folder = t.testdir({ 'users.yaml': '"alice:b": { password: x }' })
  const usersFile = `${folder}/users.yaml`
  await t.rejects(testHost(t, { type: 'connect', usersFile }), {
    code: 'MPTK_CONFIG',
    message: /users\.yaml: users: expected a name without colons and control characters .*, found "alice:b"/,
  })
  await testHost(t, { type: 'socks5', usersFile })
  t.pass('SOCKS5 can')
})

void t.test('clients of another protocol', async (t) => {
  const { ports, records } = await testHost(t, { type: 'connect' })
  const [port = 0] = ports
  t.equal(await ask(t, port, '\x05\x01\x00'), '\x05\xff', 'SOCKS5: no acceptable methods')
  t.equal(await ask(t, port, '\x04\x01\0\x50\x7f\0\0\x01\0'), '\0\x5b\0\0\0\0\0\0', 'SOCKS4: rejected')
  t.equal(await ask(t, port, '\x16\x03\x01\x02\0'), '\x15\x03\x03\0\x02\x02\x28', 'TLS: handshake_failure')
  t.match(await ask(t, port, '\x80\x01'), /^HTTP\/1.1 400 [^]*the first bytes are not HTTP\n$/)
  t.match(await records(4), Array(4).fill({ outcome: 'handshake', error: 'the first bytes are not HTTP' }))
})

void t.test('pages of its own', async (t) => {
  const { ports, records } = await testHost(t, { type: 'connect', pac: { socks: '127.0.0.1:1080' } })
  const [port = 0] = ports
  const pac = await ask(t, port, 'GET /proxy.pac HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(pac, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/x-ns-proxy-autoconfig\r\n/)
  t.match(pac, `"SOCKS5 127.0.0.1:1080; SOCKS 127.0.0.1:1080; PROXY 127.0.0.1:${port}"`)
  const body = pac.slice(pac.indexOf('\r\n\r\n') + 4)
  t.match(pac, `Content-Length: ${body.length}\r\n`)
  t.ok((await ask(t, port, 'GET /wpad.dat?x HTTP/1.0\r\n\r\n')).endsWith(body))
  t.ok((await ask(t, port, 'HEAD /proxy.pac HTTP/1.0\r\n\r\n')).endsWith('\r\n\r\n'))
  t.equal(status(await ask(t, port, 'GET / HTTP/1.0\r\n\r\n')), 'HTTP/1.1 404')
  t.equal(status(await ask(t, port, 'POST /proxy.pac HTTP/1.0\r\n\r\n')), 'HTTP/1.1 405')
  t.equal(status(await ask(t, port, 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')), 'HTTP/1.1 405')
  t.match(await records(6), [{ outcome: 'answered' }, { outcome: 'answered' }])
})

void t.test('requests that are refused', async (t) => {
  const echo = await echoServer(t)
  const { ports, records } = await testHost(t, { type: 'connect', rules: ALLOW_LOOPBACK })
  const [port = 0] = ports
  const url = `http://127.0.0.1:${echo}`
  const cases: [string, string, number][] = [
    ['two lengths', `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1`, 400],
    ['a list of lengths', `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1`, 400],
    ['a signed length', `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: +1`, 400],
    [
      'length and coding',
      `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked`,
      400,
    ],
    ['two codings', `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked`, 400],
    ['an unknown coding', `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked`, 400],
    ['chunked in HTTP/1.0', `POST ${url} HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked`, 400],
    [
      'a length by Connection',
      `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: content-length`,
      400,
    ],
    ['two hosts', `GET ${url} HTTP/1.1\r\nHost: x\r\nHost: y`, 400],
    ['no host', `GET ${url} HTTP/1.1`, 400],
    ['a folded line', `GET ${url} HTTP/1.1\r\nHost: x\r\nA: b\r\n c`, 400],
    ['a bare LF', `GET ${url} HTTP/1.1\r\nHost: x\r\nA: b\nC: d`, 400],
    ['a blank before the colon', `GET ${url} HTTP/1.1\r\nHost: x\r\nContent-Length : 1`, 400],
    ['user information', `GET http://u:p@127.0.0.1:${echo}/ HTTP/1.1\r\nHost: x`, 400],
    ['https', `GET https://127.0.0.1:${echo}/ HTTP/1.1\r\nHost: x`, 400],
    ['ftp', `GET ftp://127.0.0.1:${echo}/ HTTP/1.1\r\nHost: x`, 400],
    ['port 0', 'GET http://127.0.0.1:0/ HTTP/1.1\r\nHost: x', 400],
    ['CONNECT without a port', 'CONNECT 127.0.0.1 HTTP/1.1\r\nHost: x', 400],
    ['CONNECT to an address', `CONNECT ${url} HTTP/1.1\r\nHost: x`, 400],
    ['CONNECT to port 0', 'CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: x', 400],
    ['CONNECT with a body', `CONNECT 127.0.0.1:${echo} HTTP/1.1\r\nHost: x\r\nContent-Length: 3`, 400],
    [
      'CONNECT with chunks',
      `CONNECT 127.0.0.1:${echo} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked`,
      400,
    ],
    ['a host that is none', 'CONNECT -a-:80 HTTP/1.1\r\nHost: x', 400],
    ['TRACE', `TRACE ${url} HTTP/1.1\r\nHost: x`, 405],
    ['HTTP/2', 'PRI * HTTP/2.0', 505],
    ['a long head', `GET ${url} HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(33_000)}`, 431],
  ]
  for (const [what, text, wanted] of cases) {
    t.equal(status(await ask(t, port, `${text}\r\n\r\n`)), `HTTP/1.1 ${wanted}`, what)
  }
  for (const { outcome, error } of await records(cases.length)) {
    t.equal(outcome, 'handshake')
    t.type(error, 'string')
  }
})

void t.test('a client that says too little', async (t) => {
  const { ports, records } = await testHost(t, { type: 'connect', timeouts: { handshake: '2s' } })
  const talker = await Talker.to(t, ports[0] ?? 0)
  talker.send(Buffer.from('CONNECT a:1 HTTP/1.1\r\n'))
  t.equal(await talker.rest(), '')
  t.match(await records(1), [{ outcome: 'handshake', error: 'no complete handshake within 2000 ms' }])
})
