// The reverse proxy by host: every request of a connection is looked at, and goes to its own backend or nowhere.
import t, { type Test } from 'tap'
import type { Socket } from 'node:net'
import { closedPort, server, Talker, testHost } from '../host.js'

/** Answers each request of a connection with its name and the path; what it got is remembered. */
async function backend(
  t: Test,
  name: string,
  answer: (request: string, socket: Socket) => void = (request, socket) => {
    const [, path = ''] = request.split(' ')
    const body = `${name}${path}`
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  },
): Promise<{ address: string; got: () => string; connections: () => number }> {
  let got = ''
  let connections = 0
  const port = await server(t, (socket) => {
    connections++
    let rest = ''
    socket.on('data', (bytes: Buffer) => {
      got += bytes.toString('latin1')
      rest += bytes.toString('latin1')
      for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
        const request = rest.slice(0, end)
        const length = Number(/content-length: (\d+)/i.exec(request)?.[1] ?? 0)
        if (rest.length < end + 4 + length) return
        rest = rest.slice(end + 4 + length)
        answer(request, socket)
      }
    })
    socket.on('end', () => socket.end())
  })
  return { address: `127.0.0.1:${port}`, got: () => got, connections: () => connections }
}

const get = (host: string, path: string, ...fields: string[]): string =>
  [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n')
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const text = (hex: string): string => (hex === 'reset' ? hex : Buffer.from(hex, 'hex').toString('latin1'))

class Browser {
  private constructor(readonly talker: Talker) {}

  static async to(t: Test, port: number): Promise<Browser> {
    return new Browser(await Talker.to(t, port))
  }

  send(bytes: string): this {
    this.talker.send(Buffer.from(bytes, 'latin1'))
    return this
  }

  async takes(expected: string): Promise<string> {
    return text(await this.talker.take(expected.length))
  }

  async rest(): Promise<string> {
    return text(await this.talker.rest())
  }
}

async function setting(t: Test, more: object = {}) {
  const [one, two, other] = [await backend(t, '1'), await backend(t, '2'), await backend(t, 'default')]
  const sites = { 'one.example': one.address, '*.one.example': one.address, 'two.example': two.address }
  const { ports, records } = await testHost(
    t,
    { type: 'reverse-tcp', choose: 'host', sites, target: other.address, ...more },
    { type: 'reverse-tcp', choose: 'host', sites, ...more },
  )
  const [open = 0, strict = 0] = ports
  return { one, two, other, open, strict, records }
}

void t.test('requests of one connection', async (t) => {
  const { one, two, strict, records } = await setting(t)
  const browser = await Browser.to(t, strict)
  for (const path of ['/a', '/b', '/c'])
    t.equal(await browser.send(get('One.Example:80', path)).takes(ok(`1${path}`)), ok(`1${path}`))
  const post = 'POST /d HTTP/1.1\r\nHost: sub.one.example\r\nContent-Length: 5\r\n\r\n12345'
  t.equal(await browser.send(post).takes(ok('1/d')), ok('1/d'), 'another name of the same backend')
  t.equal(one.connections(), 1, 'all on one connection')
  browser.send(get('two.example', '/stolen', 'Cookie: secret'))
  t.match(await browser.rest(), /^HTTP\/1.1 421 Misdirected Request\r\n[^]*\r\nConnection: close\r\n/)
  t.notMatch(one.got(), 'stolen', "another site's request never reaches this backend")
  t.equal(two.connections(), 0)
  t.match(await records(1), [
    { destination: one.address, outcome: 'eof', error: 'a later request is for another site: "two.example"' },
  ])
})

void t.test('pipelined requests', async (t) => {
  const { one, strict } = await setting(t)
  const browser = await Browser.to(t, strict)
  const chunks = 'POST /b HTTP/1.1\r\nHost: one.example\r\nContent-Length: 3\r\n\r\nabc'
  browser.send(get('one.example', '/a') + chunks + get('one.example', '/c') + get('two.example', '/stolen'))
  const answers = ok('1/a') + ok('1/b') + ok('1/c')
  t.equal(await browser.takes(answers), answers, 'one after another')
  t.match(await browser.rest(), /^HTTP\/1.1 421 /)
  t.notMatch(one.got(), 'stolen')
})

void t.test('a body of chunks, and the next request right behind it', async (t) => {
  const one = await backend(t, '1', (request, socket) => {
    if (request.includes('POST')) socket.write(ok('posted'))
    else if (request.includes('GET')) socket.write(ok('got'))
  })
  const sites = { 'one.example': one.address }
  const { ports } = await testHost(t, { type: 'reverse-tcp', choose: 'host', sites })
  const post =
    'POST / HTTP/1.1\r\nHost: one.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  const browser = await Browser.to(t, ports[0] ?? 0)
  const answers = ok('posted') + ok('got')
  t.equal(await browser.send(`${post}\r\n${get('one.example', '/')}`).takes(answers), answers)
  browser.send(post.replace('3\r\nabc', '3\nabc'))
  t.match(await browser.rest(), /^HTTP\/1.1 400 /, 'chunks that cannot be read')
})

void t.test('who is refused', async (t) => {
  const { open, strict, other } = await setting(t)
  const ask = async (port: number, bytes: string): Promise<string> => {
    const browser = await Browser.to(t, port)
    browser.send(bytes).talker.socket.end()
    return browser.rest()
  }
  t.match(await ask(strict, get('three.example', '/')), /^HTTP\/1.1 421 [^]*\r\nConnection: close\r\n/)
  t.match(await ask(strict, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 421 /)
  t.equal(await ask(strict, '\x16\x03\x01'), '\x15\x03\x03\0\x02\x02\x28', 'TLS is told by its alert')
  t.equal(await ask(strict, '\x04\x01'), '\0\x5b\0\0\0\0\0\0', 'SOCKS4')
  t.match(await ask(strict, 'SSH-2.0-x\r\n'), /^HTTP\/1.1 400 /)
  t.match(await ask(open, get('one.example', '/', 'Host: two.example')), /^HTTP\/1.1 400 /, 'never passed on')
  t.match(
    await ask(open, get('one.example', `/${'x'.repeat(33_000)}`)),
    /^HTTP\/1.1 431 /,
    'a head that is too long',
  )
  t.match(
    await ask(open, get('one.example', '/', 'Content-Length: 1', 'Transfer-Encoding: chunked')),
    /^HTTP\/1.1 400 /,
  )
  t.match(await ask(open, 'CONNECT one.example:80 HTTP/1.1\r\nHost: one.example\r\n\r\n'), /^HTTP\/1.1 400 /)
  t.equal(await ask(open, get('three.example', '/x')), ok('default/x'))
  await ask(open, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  t.match(other.got(), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'another protocol is the target’s')
})

void t.test('a backend that is down, and one that is none', async (t) => {
  const odd = await backend(t, 'odd', (_, socket) => socket.write('SSH-2.0-x\r\n'))
  const silent = await backend(t, 'silent', (_, socket) => socket.end())
  const sites = { down: `127.0.0.1:${await closedPort()}`, odd: odd.address, silent: silent.address }
  const { ports, records } = await testHost(t, { type: 'reverse-tcp', choose: 'host', sites })
  for (const site of Object.keys(sites)) {
    const browser = await Browser.to(t, ports[0] ?? 0)
    t.match(await browser.send(get(site, '/')).rest(), /^HTTP\/1.1 502 /, site)
  }
  t.match(await records(3), [
    { outcome: 'unreachable' },
    { outcome: 'reset', error: 'the server does not speak HTTP/1' },
    { outcome: 'reset', error: 'the server ended the connection without an answer' },
  ])
})

void t.test('answers end where they say, and connections go on or end with them', async (t) => {
  const answers: Record<string, string> = {
    '/until-end': 'HTTP/1.1 200 OK\r\n\r\nall',
    '/close': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nall',
    '/chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n',
    '/interim': `HTTP/1.1 103 Early Hints\r\n\r\n${ok('all')}`,
    '/old': 'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nall',
    '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 300\r\n\r\n',
  }
  const goesOn = ['/chunks', '/interim', '/304']
  const one = await backend(t, '1', (request, socket) => {
    const [, path = ''] = request.split(' ')
    socket.write(answers[path] ?? ok('next'))
    if (path === '/until-end') socket.end()
  })
  const { ports } = await testHost(t, { type: 'reverse-tcp', choose: 'host', sites: { a: one.address } })
  for (const [path, answer] of Object.entries(answers)) {
    const browser = await Browser.to(t, ports[0] ?? 0)
    t.equal(await browser.send(get('a', path)).takes(answer), answer, path)
    if (goesOn.includes(path))
      t.equal(await browser.send(get('a', '/next')).takes(ok('next')), ok('next'), 'goes on')
    else t.equal(await browser.rest(), '', 'ends')
  }
})

void t.test('a backend that closes between two requests', async (t) => {
  let last: Socket | undefined
  const one = await backend(t, '1', (_, socket) => {
    last = socket
    socket.write(ok('one'))
  })
  const { ports, records } = await testHost(t, {
    type: 'reverse-tcp',
    choose: 'host',
    sites: { a: one.address },
  })
  const browser = await Browser.to(t, ports[0] ?? 0)
  await browser.send(get('a', '/')).takes(ok('one'))
  last?.end()
  t.equal(await browser.rest(), '', 'the client learns it at once')
  t.match(await records(1), [{ outcome: 'eof' }])
})

void t.test('time limits between requests', async (t) => {
  const { strict, records } = await setting(t, { timeouts: { idle: '1s', handshake: '1s' } })
  const idle = await Browser.to(t, strict)
  await idle.send(get('one.example', '/')).takes(ok('1/'))
  t.equal(await idle.rest(), '')
  const slow = await Browser.to(t, strict)
  await slow.send(get('one.example', '/')).takes(ok('1/'))
  t.equal(await slow.send('GET / HT').rest(), '')
  t.match(await records(2), [
    { outcome: 'timeout', error: 'no further request within 1000 ms' },
    { outcome: 'timeout', error: 'no complete request within 1000 ms' },
  ])
})

void t.test('upgrades', async (t) => {
  const one = await backend(t, '1', (request, socket) => {
    if (!/upgrade: websocket/i.test(request))
      socket.write(ok(/h2c|http2/i.test(request) ? 'asked' : 'not asked'))
    else
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
      )
  })
  const { ports } = await testHost(t, { type: 'reverse-tcp', choose: 'host', sites: { a: one.address } })
  const browser = await Browser.to(t, ports[0] ?? 0)
  const h2c = get('a', '/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA')
  t.equal(await browser.send(h2c).takes(ok('not asked')), ok('not asked'), 'h2c would hide later requests')
  browser.send(get('a', '/', 'Connection: Upgrade', 'Upgrade: websocket'))
  const switched =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello'
  t.equal(await browser.takes(switched), switched)
  browser.send('frames of any kind').talker.socket.end()
  t.equal(await browser.rest(), '')
  t.match(one.got(), /frames of any kind$/)
})

void t.test('the client, told to the backend', async (t) => {
  const v1 = await backend(t, 'v1')
  // the header's signature has an empty line itself
  const v2 = await backend(t, 'v2', (request, socket) => {
    if (request.includes('GET')) socket.write(ok('v2/'))
  })
  const { ports } = await testHost(
    t,
    { type: 'reverse-tcp', choose: 'host', sites: { a: v1.address, b: v1.address }, proxyProtocol: 'v1' },
    { type: 'reverse-tcp', choose: 'host', sites: { a: v2.address, b: v2.address }, proxyProtocol: 'v2' },
  )
  const first = await Browser.to(t, ports[0] ?? 0)
  for (const host of ['a', 'a', 'b']) await first.send(get(host, '/')).takes(ok('v1/'))
  t.equal(v1.got().match(/PROXY TCP4/g)?.length, 1, 'once a connection')
  const second = await Browser.to(t, ports[1] ?? 0)
  await second.send(get('a', '/')).takes(ok('v2/'))
  t.match(await second.send(get('b', '/')).rest(), /^HTTP\/1.1 421 /, 'the backend was told of the first one')
  t.match(Buffer.from(v2.got(), 'latin1').toString('hex'), /^0d0a0d0a000d0a515549540a2111[^]*02000161474554/)
})
