// The reverse proxy with sites: who gets which backend, what backends see, how clients are refused.
import t, { type Test } from 'tap'
import { Sites } from '../../../../proxy/reverse/site-name.js'
import { hello, realHello, records, serverName } from '../../../support/client-hello.js'
import { server, Talker, testHost } from '../host.js'

/** Says its name, and everything it is told. */
function backend(t: Test, name: string): Promise<number> {
  return server(t, (socket) => {
    socket.write(`${name}:`)
    socket.pipe(socket)
  })
}

async function ask(t: Test, port: number, ...pieces: Buffer[]): Promise<string> {
  const talker = await Talker.to(t, port)
  for (const piece of pieces) {
    talker.send(piece)
    await new Promise(setImmediate)
  }
  talker.socket.end()
  return talker.rest()
}

const hexOf = (name: string, bytes: Buffer): string =>
  Buffer.concat([Buffer.from(`${name}:`), bytes]).toString('hex')

void t.test('the table', (t) => {
  const to = (port: number) => ({ host: 'b', port })
  const sites = new Sites({ 'WWW.example.org.': to(1), '*.example.org': to(2), '*.deep.example.org': to(3) })
  const cases: [string, number | undefined][] = [
    ['www.example.org', 1],
    ['www.EXAMPLE.org.', 1],
    ['a.example.org', 2],
    ['a.b.example.org', 2],
    ['a.deep.example.org', 3],
    ['deep.example.org', 2],
    ['example.org', undefined],
    ['notexample.org', undefined],
    ['', undefined],
    ['toString', undefined],
  ]
  for (const [name, port] of cases) t.equal(sites.find(name)?.port, port, name)
  t.end()
})

void t.test('by server name', async (t) => {
  const [one, two, other] = [await backend(t, '1'), await backend(t, '2'), await backend(t, 'default')]
  const sites = { 'one.example': `127.0.0.1:${one}`, '*.two.example': `127.0.0.1:${two}` }
  const {
    ports,
    records: ended,
    host,
  } = await testHost(
    t,
    { type: 'reverse-tcp', choose: 'sni', sites, target: `127.0.0.1:${other}` },
    { type: 'reverse-tcp', choose: 'sni', sites, name: 'strict' },
  )
  const [open = 0, strict = 0] = ports
  t.equal(host.services[0]?.egress, `2 sites by sni, others 127.0.0.1:${other}`)
  t.equal(host.services[1]?.egress, '2 sites by sni, others refused')

  const first = await realHello({ servername: 'ONE.example' })
  t.equal(await ask(t, open, first), hexOf('1', first))
  const second = records(hello({ extensions: [serverName('a.b.two.example')] }), 3)
  const pieces = Array.from({ length: second.length }, (_, i) => second.subarray(i, i + 1))
  t.equal(await ask(t, strict, ...pieces), hexOf('2', second), 'byte by byte, in many records')
  const more = Buffer.concat([first, Buffer.from('early data')])
  t.equal(await ask(t, strict, more), hexOf('1', more), 'with bytes behind it')

  const unknown = await realHello({ servername: 'three.example' })
  const nameless = await realHello({})
  const garbage = Buffer.from('GET / HTTP/1.0\r\n\r\n')
  for (const each of [unknown, nameless, garbage]) t.equal(await ask(t, open, each), hexOf('default', each))
  t.equal(await ask(t, strict, unknown), '15030300020270', 'unrecognized_name')
  t.equal(await ask(t, strict, nameless), '1503030002026d', 'missing_extension')
  const told = Buffer.from(await ask(t, strict, garbage), 'hex').toString()
  t.match(told, /^HTTP\/1\.1 400 [^]*\r\n\r\nThis port speaks TLS: use https\.\n$/)
  t.equal(await ask(t, strict, Buffer.from([5, 1, 0])), '05ff', 'SOCKS5')
  t.equal(await ask(t, strict, Buffer.from('SSH-2.0-x\r\n')), 'reset', 'nothing it would understand')
  t.match((await ended(9)).slice(6), [
    { outcome: 'handshake', error: 'no site is called "three.example"' },
    { outcome: 'handshake', error: 'the TLS client names no server' },
    { outcome: 'handshake', error: 'no TLS handshake record' },
  ])
})

void t.test('a client that says nothing', async (t) => {
  const target = `127.0.0.1:${await backend(t, 'default')}`
  const { ports, records: ended } = await testHost(t, {
    type: 'reverse-tcp',
    choose: 'sni',
    sites: { a: target },
    target,
    timeouts: { handshake: '2s' },
  })
  const talker = await Talker.to(t, ports[0] ?? 0)
  talker.send('16')
  t.equal(await talker.rest(), '')
  t.match(await ended(1), [{ outcome: 'handshake', error: 'no complete handshake within 2000 ms' }])
})

void t.test('the client, told to the backend', async (t) => {
  const port = await backend(t, 'b')
  const target = `127.0.0.1:${port}`
  const { ports, host } = await testHost(
    t,
    { type: 'reverse-tcp', target, proxyProtocol: 'v1' },
    { type: 'reverse-tcp', target, proxyProtocol: 'v1', listen: '[::]:0' },
  )
  // a server that speaks first is told before its client has said a word
  const talker = await Talker.to(t, ports[0] ?? 0, '127.0.0.9')
  const line = `b:PROXY TCP4 127.0.0.9 127.0.0.1 ${talker.socket.localPort} ${ports[0]}\r\n`
  t.equal(await talker.take(line.length), Buffer.from(line).toString('hex'))

  const both = host.services[1]?.listeners[0]?.address.port ?? 0
  const mapped = await Talker.to(t, both)
  const plain = `b:PROXY TCP4 127.0.0.1 127.0.0.1 ${mapped.socket.localPort} ${both}\r\n`
  t.equal(await mapped.take(plain.length), Buffer.from(plain).toString('hex'), 'IPv4 on a listener for both')
})
