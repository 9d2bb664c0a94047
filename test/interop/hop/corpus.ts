/** The corpus: connection reuse, interim and early responses, framing of both messages, upgrades, versions. */
import { request, response, type HopCase, type Seen } from './case.js'
import type { Peer, Script } from './peers.js'

/** Sends an answer once a request's head has come, and keeps the connection. */
const answers =
  (...pieces: string[]): Script =>
  async (peer) => {
    if (!(await peer.sees('\r\n\r\n'))) return
    for (const piece of pieces) peer.send(piece)
  }

/** The same, and ends it. */
const answersAndEnds =
  (...pieces: string[]): Script =>
  async (peer) => {
    await answers(...pieces)(peer)
    peer.finish()
  }

type Client = HopCase['client']

const stolen = (victim: string): string => request(victim, { path: '/stolen' })

/** Asks, and once `last` has come asks for another host, unless the connection is said to end. */
const reuses =
  (last: string, parts: Parameters<typeof request>[1] = {}): Client =>
  async (peer, { first, victim }) => {
    peer.send(request(first, parts))
    await peer.sees(last)
    if (closes(peer)) return
    peer.send(stolen(victim))
    await peer.sees('from the victim')
    peer.finish()
  }

/** As programs that do not care what the head says. */
const reusesAnyway =
  (last: string): Client =>
  async (peer, { first, victim }) => {
    peer.send(request(first))
    await peer.sees(last)
    peer.send(stolen(victim))
    await peer.sees('from the victim')
    peer.finish()
  }

const asks =
  (parts: Parameters<typeof request>[1] = {}): Client =>
  (peer, { first }) => {
    peer.send(request(first, parts))
  }

/** A head written by hand behind the request line. */
const posts =
  (fields: string[], body: string): Client =>
  (peer, { first, victim }) => {
    peer.send(request(first, { method: 'POST', fields, body: body.replaceAll('STOLEN', stolen(victim)) }))
  }

function closes(peer: Peer): boolean {
  const [head = ''] = finalResponse(peer.received).split('\r\n\r\n')
  return peer.ended !== 'open' || /\r\nconnection:[^\r]*close/i.test(head)
}

/** Without the interim responses before it. */
function finalResponse(text: string): string {
  return text.replace(/^(HTTP\/1\.\d 1(?!01)\d\d[^]*?\r\n\r\n)+/, '')
}

/** The response that the client got, whole, and no second one behind it unless it is the victim's. */
function gets(status: number, body: string | RegExp) {
  return ({ client, victim, ended }: Seen): string | undefined => {
    const text = finalResponse(client)
    const [head = ''] = text.split('\r\n\r\n')
    if (!new RegExp(`^HTTP/1\\.[01] ${status}[ \r]`).test(text)) {
      return `expected ${status}, got ${JSON.stringify(text.slice(0, 40))}, ${ended}`
    }
    const rest = text.slice(head.length + 4)
    const at = rest.search(/HTTP\/1\.\d \d\d\d /)
    const own = at < 0 ? rest : rest.slice(0, at)
    if (typeof body === 'string' ? own !== body : !body.test(own)) {
      return `expected the body ${String(body).slice(0, 20)}, got ${JSON.stringify(own.slice(0, 60))}`
    }
    if (at >= 0 && !victim.includes('/stolen')) return 'a second response that nobody sent'
    return undefined
  }
}

/** The request is not passed on: it can be understood in two ways. */
function refuses(...statuses: number[]) {
  return ({ client, first }: Seen): string | undefined => {
    if (first !== '') return `the origin got ${JSON.stringify(first.slice(0, 60))}`
    const status = Number(/^HTTP\/1\.\d (\d\d\d) /.exec(client)?.[1])
    return statuses.includes(status)
      ? undefined
      : `expected ${statuses.join(' or ')}, got ${JSON.stringify(client.slice(0, 40))}`
  }
}

const all =
  (...checks: ((seen: Seen) => string | undefined)[]) =>
  (seen: Seen): string | undefined => {
    for (const check of checks) {
      const wrong = check(seen)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

const clientLacks =
  (pattern: RegExp) =>
  ({ client }: Seen) =>
    pattern.test(client) ? `the client got ${String(pattern)}` : undefined
const clientHas =
  (pattern: RegExp) =>
  ({ client }: Seen) =>
    pattern.test(client)
      ? undefined
      : `the client did not get ${String(pattern)}: ${JSON.stringify(client.slice(0, 120))}`
const originHas =
  (pattern: RegExp) =>
  ({ first }: Seen) =>
    pattern.test(first)
      ? undefined
      : `the origin did not get ${String(pattern)}: ${JSON.stringify(first.slice(0, 160))}`
const originLacks =
  (pattern: RegExp) =>
  ({ first }: Seen) =>
    pattern.test(first) ? `the origin got ${String(pattern)}` : undefined
const once = ({ connections }: Seen): string | undefined =>
  connections === 1 ? undefined : `${connections} connections to the origin`

const KEEP = 'Connection: keep-alive'
const BIG = 'x'.repeat(300_000)

const reuse: Omit<HopCase, 'group'>[] = [
  {
    name: 'a keep-alive origin, a client that heeds close',
    origin: answers(response('one', KEEP)),
    client: reuses('one'),
    fault: gets(200, 'one'),
  },
  {
    name: 'a keep-alive origin, a client that does not',
    origin: answers(response('one')),
    client: reusesAnyway('one'),
    fault: gets(200, 'one'),
  },
  {
    name: 'an origin of HTTP/1.0 that keeps alive',
    origin: answers(`HTTP/1.0 200 OK\r\n${KEEP}\r\nContent-Length: 3\r\n\r\none`),
    client: reuses('one'),
    fault: gets(200, 'one'),
  },
  {
    name: 'a client of HTTP/1.0 that keeps alive',
    origin: answers(response('one', KEEP)),
    client: reuses('one', { version: '1.0', fields: [KEEP] }),
    fault: gets(200, 'one'),
  },
  {
    name: 'pipelined, for another host',
    origin: answers(response('one')),
    client: (peer, { first, victim }) => {
      peer.send(request(first) + stolen(victim))
    },
    fault: gets(200, 'one'),
  },
  {
    name: 'pipelined, byte by byte',
    origin: answers(response('one')),
    client: async (peer, { first, victim }) => {
      for (const byte of request(first) + stolen(victim)) {
        peer.send(byte)
        await new Promise(setImmediate)
      }
    },
    fault: gets(200, 'one'),
  },
  {
    name: 'pipelined, three of them',
    origin: answers(response('one')),
    client: (peer, { first, victim }) => {
      peer.send(request(first) + stolen(victim) + stolen(victim))
    },
    fault: gets(200, 'one'),
  },
  {
    name: 'behind a body of a length',
    origin: async (peer) => {
      if (await peer.sees('12345')) peer.send(response('one'))
    },
    client: posts(['Content-Length: 5'], '12345STOLEN'),
    fault: gets(200, 'one'),
  },
  {
    name: 'behind a body of chunks',
    origin: async (peer) => {
      if (await peer.sees('0\r\n\r\n')) peer.send(response('one'))
    },
    client: posts(['Transfer-Encoding: chunked'], '5\r\n12345\r\n0\r\n\r\nSTOLEN'),
    fault: all(gets(200, 'one'), originHas(/5\r\n12345\r\n0\r\n\r\n$/)),
  },
  {
    name: 'behind chunks with a trailer',
    origin: async (peer) => {
      if (await peer.sees('0\r\nA: b\r\n\r\n')) peer.send(response('one'))
    },
    client: posts(['Transfer-Encoding: chunked', 'Trailer: A'], '5\r\n12345\r\n0\r\nA: b\r\n\r\nSTOLEN'),
    fault: gets(200, 'one'),
  },
  {
    name: 'behind a body of no bytes',
    origin: answers(response('one')),
    client: posts(['Content-Length: 0'], 'STOLEN'),
    fault: gets(200, 'one'),
  },
  {
    name: 'behind HEAD',
    origin: answers('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
    client: reuses('\r\n\r\n', { method: 'HEAD' }),
    fault: gets(200, ''),
  },
  {
    name: 'behind 204',
    origin: answers('HTTP/1.1 204 No Content\r\n\r\n'),
    client: reuses('\r\n\r\n'),
    fault: gets(204, ''),
  },
  {
    name: 'behind 304 with a length',
    origin: answers('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
    client: reuses('\r\n\r\n'),
    fault: gets(304, ''),
  },
  {
    name: 'behind chunks from the origin',
    origin: answers('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '3\r\none\r\n', '0\r\n\r\n'),
    client: reuses('0\r\n\r\n'),
    fault: gets(200, '3\r\none\r\n0\r\n\r\n'),
  },
  {
    name: 'a client that ends its side after the request',
    origin: async (peer) => {
      if (await peer.sees('\r\n\r\n')) peer.send(response('one'))
    },
    client: (peer, { first }) => {
      peer.send(request(first))
      peer.finish()
    },
    fault: gets(200, 'one'),
  },
]

const interim: Omit<HopCase, 'group'>[] = [
  {
    name: '100, then a keep-alive response',
    origin: answers('HTTP/1.1 100 Continue\r\n\r\n', response('one', KEEP)),
    client: reuses('one'),
    fault: all(gets(200, 'one'), clientHas(/^HTTP\/1\.1 100 /)),
  },
  {
    name: '103 twice',
    origin: answers(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n',
      response('one'),
    ),
    client: reuses('one'),
    fault: all(gets(200, 'one'), clientHas(/<\/a>[^]*<\/b>/)),
  },
  {
    name: '102 with fields of its hop',
    origin: answers(
      'HTTP/1.1 102 Processing\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n\r\n',
      response('one'),
    ),
    client: reuses('one'),
    fault: all(gets(200, 'one'), clientLacks(/x-hop|keep-alive:/i)),
  },
  {
    name: '100 in one piece with the response',
    origin: answers(`HTTP/1.1 100 Continue\r\n\r\n${response('one')}`),
    client: reuses('one'),
    fault: gets(200, 'one'),
  },
  {
    name: 'Expect: the body waits for 100',
    origin: async (peer) => {
      if (!(await peer.sees('\r\n\r\n'))) return
      peer.send('HTTP/1.1 100 Continue\r\n\r\n')
      if (await peer.sees('12345')) peer.send(response('one'))
    },
    client: async (peer, { first }) => {
      peer.send(request(first, { method: 'POST', fields: ['Expect: 100-continue', 'Content-Length: 5'] }))
      if (await peer.sees('HTTP/1.1 100')) peer.send('12345')
    },
    fault: gets(200, 'one'),
  },
  {
    name: 'Expect: a final response at once',
    origin: answers('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno'),
    client: (peer, { first }) => {
      peer.send(request(first, { method: 'POST', fields: ['Expect: 100-continue', 'Content-Length: 5'] }))
    },
    fault: ({ client }) => (/^HTTP\/1\.1 417 [^]*\r\n\r\nno$/.test(client) ? undefined : 'no 417'),
  },
  {
    name: 'no 1xx for HTTP/1.0',
    origin: answers('HTTP/1.1 103 Early Hints\r\n\r\n', response('one')),
    client: asks({ version: '1.0' }),
    fault: all(gets(200, 'one'), clientLacks(/ 103 /)),
  },
  {
    name: '1xx without end',
    origin: async (peer) => {
      for (let n = 0; n < 200; n++) {
        peer.send('HTTP/1.1 102 Processing\r\n\r\n')
        await new Promise(setImmediate)
      }
    },
    client: asks(),
    fault: ({ client }) => (/HTTP\/1\.1 502 /.test(client) ? undefined : 'no 502'),
  },
]

const early: Omit<HopCase, 'group'>[] = [
  {
    name: '413 before the body, and the origin closes',
    origin: answersAndEnds(`HTTP/1.1 413 Too Large\r\nContent-Length: ${BIG.length}\r\n\r\n${BIG}`),
    client: (peer, { first }) => {
      peer.send(
        request(first, { method: 'POST', fields: ['Content-Length: 3000000'] }) + 'b'.repeat(1_000_000),
      )
    },
    fault: gets(413, BIG),
  },
  {
    name: '413 before the body, and the origin resets',
    origin: async (peer) => {
      if (!(await peer.sees('\r\n\r\n'))) return
      peer.socket.pause()
      peer.socket.write(`HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge`, () =>
        peer.socket.destroy(),
      )
    },
    client: (peer, { first }) => {
      peer.send(
        request(first, { method: 'POST', fields: ['Content-Length: 3000000'] }) + 'b'.repeat(1_000_000),
      )
    },
    fault: gets(413, 'large'),
  },
  {
    name: 'a response before the body, which is read still',
    origin: async (peer) => {
      if (!(await peer.sees('\r\n\r\n'))) return
      peer.send(response('one'))
      await peer.sees('the end')
    },
    client: async (peer, { first }) => {
      peer.send(request(first, { method: 'POST', fields: ['Content-Length: 7'] }))
      if (await peer.sees('one')) peer.send('the end')
    },
    fault: all(gets(200, 'one'), once),
  },
  {
    name: 'a response before the body, of chunks',
    origin: async (peer) => {
      if (!(await peer.sees('\r\n\r\n'))) return
      peer.send(response('one'))
    },
    client: async (peer, { first, victim }) => {
      peer.send(request(first, { method: 'POST', fields: ['Transfer-Encoding: chunked'] }) + '3\r\nabc\r\n')
      if (await peer.sees('one')) peer.send(`0\r\n\r\n${stolen(victim)}`)
    },
    fault: gets(200, 'one'),
  },
]

const responses: Omit<HopCase, 'group'>[] = [
  {
    name: 'until the origin closes',
    origin: answersAndEnds('HTTP/1.1 200 OK\r\n\r\none'),
    client: asks(),
    fault: gets(200, 'one'),
  },
  {
    name: 'bytes behind the length',
    origin: answers(`${response('one')}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`),
    client: reuses('one'),
    fault: all(gets(200, 'one'), clientLacks(/evil/)),
  },
  {
    name: 'bytes behind the chunks',
    origin: answers(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil',
    ),
    client: reuses('0\r\n\r\n'),
    fault: all(gets(200, '3\r\none\r\n0\r\n\r\n'), clientLacks(/evil/)),
  },
  {
    name: 'a length beside chunks',
    origin: answers(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n',
    ),
    client: asks(),
    fault: ({ client }) =>
      /^HTTP\/1\.1 502 /.test(client) ||
      (/3\r\none\r\n0\r\n\r\n$/.test(client) && !/content-length/i.test(client))
        ? undefined
        : 'two lengths for the client',
  },
  {
    name: 'two lengths',
    origin: answers('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 300\r\n\r\none'),
    client: asks(),
    fault: gets(502, /./),
  },
  {
    name: 'the same length twice',
    origin: answers('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\none'),
    client: asks(),
    fault: all(gets(200, 'one'), ({ client }) =>
      (client.match(/content-length/gi) ?? []).length === 1 ? undefined : 'two lengths for the client',
    ),
  },
  {
    name: 'a chunk that cannot be read',
    origin: answers('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n\r\n0\r\n\r\n'),
    client: asks(),
    fault: ({ client }) => (client.endsWith('0\r\n\r\n') ? 'what the client got looks whole' : undefined),
  },
  {
    name: 'cut within the length',
    origin: answersAndEnds('HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\none'),
    client: asks(),
    fault: ({ client }) =>
      /content-length: 300/i.test(client) && client.endsWith('\r\n\r\none')
        ? undefined
        : 'what the client got looks whole',
  },
  {
    name: 'fields of the hop',
    origin: answers(
      response(
        'one',
        'Connection: keep-alive, X-Hop',
        'X-Hop: 1',
        'Keep-Alive: timeout=9',
        'Proxy-Connection: keep-alive',
        'Proxy-Authenticate: Basic realm="evil"',
      ),
    ),
    client: reuses('one'),
    fault: all(gets(200, 'one'), clientLacks(/x-hop|keep-alive|proxy-authenticate|proxy-connection/i)),
  },
  {
    name: '407 of an origin',
    origin: answers(
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="evil"\r\nContent-Length: 2\r\n\r\nno',
    ),
    client: asks(),
    fault: clientLacks(/ 407 |evil/),
  },
  {
    name: 'a folded field',
    origin: answers('HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\none'),
    client: asks(),
    fault: all(gets(200, 'one'), clientHas(/X: a +b\r\n/)),
  },
  {
    name: 'a bare CR in a field',
    origin: answers('HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\nContent-Length: 3\r\n\r\none'),
    client: asks(),
    fault: clientLacks(/a\rContent/),
  },
  {
    name: 'no answer',
    origin: async (peer) => {
      await peer.sees('\r\n\r\n')
      peer.finish()
    },
    client: asks(),
    fault: ({ client }) =>
      /^HTTP\/1\.1 50[0234] /.test(client) ? undefined : `got ${JSON.stringify(client.slice(0, 40))}`,
  },
  {
    name: 'a reset in place of an answer',
    origin: async (peer) => {
      await peer.sees('\r\n\r\n')
      peer.reset()
    },
    client: asks(),
    fault: ({ client }) =>
      /^HTTP\/1\.1 50[0234] /.test(client) ? undefined : `got ${JSON.stringify(client.slice(0, 40))}`,
  },
  {
    name: 'an answer that is no HTTP',
    origin: answersAndEnds('SSH-2.0-OpenSSH\r\n'),
    client: asks(),
    fault: gets(502, /./),
  },
  {
    name: 'chunks for a client of HTTP/1.0',
    origin: answers(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n',
    ),
    client: asks({ version: '1.0' }),
    fault: all(gets(200, 'one two'), clientLacks(/transfer-encoding/i)),
  },
]

const framing: Omit<HopCase, 'group'>[] = [
  {
    name: 'a length beside chunks',
    origin: answers(response('one')),
    client: posts(['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\nSTOLEN'),
    fault: refuses(400),
  },
  {
    name: 'two lengths',
    origin: answers(response('one')),
    client: posts(['Content-Length: 0', 'Content-Length: 5'], '12345'),
    fault: refuses(400),
  },
  {
    name: 'a list of lengths',
    origin: answers(response('one')),
    client: posts(['Content-Length: 5, 5'], '12345'),
    fault: refuses(400),
  },
  {
    name: 'a length with a sign',
    origin: answers(response('one')),
    client: posts(['Content-Length: +5'], '12345'),
    fault: refuses(400),
  },
  {
    name: 'a coding that is almost chunked',
    origin: answers(response('one')),
    client: posts(['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
    fault: refuses(400, 501),
  },
  {
    name: 'chunked and then another coding',
    origin: answers(response('one')),
    client: posts(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
    fault: refuses(400, 501),
  },
  {
    name: 'two fields of codings',
    origin: answers(response('one')),
    client: posts(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n'),
    fault: refuses(400, 501),
  },
  {
    name: 'a blank before the colon',
    origin: answers(response('one')),
    client: posts(['Transfer-Encoding : chunked', 'Content-Length: 5'], '0\r\n\r\n'),
    fault: refuses(400),
  },
  {
    name: 'a folded coding',
    origin: answers(response('one')),
    client: posts(['X: y', ' Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
    fault: refuses(400),
  },
  {
    name: 'a bare LF between fields',
    origin: answers(response('one')),
    client: posts(['X: y\nTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
    fault: refuses(400),
  },
  {
    name: 'chunked in HTTP/1.0',
    origin: answers(response('one')),
    client: asks({
      method: 'POST',
      version: '1.0',
      fields: ['Transfer-Encoding: chunked'],
      body: '0\r\n\r\n',
    }),
    fault: refuses(400),
  },
  {
    name: 'a chunk whose size wraps around',
    origin: answers(response('one')),
    client: posts(['Transfer-Encoding: chunked'], '10000000000000003\r\nabc\r\n0\r\n\r\n'),
    fault: all(originLacks(/10000000000000003/), clientHas(/^HTTP\/1\.1 400 /)),
  },
  {
    name: 'a chunk line that ends with LF',
    origin: async (peer) => {
      if (await peer.sees('0\r\n\r\n')) peer.send(response('one'))
    },
    client: posts(['Transfer-Encoding: chunked'], '3\nabc\r\n0\r\n\r\n'),
    fault: all(originLacks(/3\nabc/), clientHas(/^HTTP\/1\.1 400 /)),
  },
  {
    name: 'a bare LF in a chunk extension',
    origin: async (peer) => {
      if (await peer.sees('0\r\n\r\n')) peer.send(response('one'))
    },
    client: posts(['Transfer-Encoding: chunked'], '3;\nxx\r\nabc\r\n0\r\n\r\n'),
    fault: all(originLacks(/3;\nxx/), clientHas(/^HTTP\/1\.1 400 /)),
  },
  {
    name: 'a wrong chunk in a later piece',
    origin: async (peer) => {
      await peer.sees('never')
    },
    client: async (peer, { first }) => {
      peer.send(request(first, { method: 'POST', fields: ['Transfer-Encoding: chunked'] }) + '3\r\nabc\r\n')
      await new Promise((resolve) => setTimeout(resolve, 50))
      peer.send('xyz\r\n')
    },
    fault: all(originLacks(/xyz/), clientHas(/^HTTP\/1\.1 400 /)),
  },
  {
    name: 'Connection names the length',
    origin: answers(response('one')),
    client: posts(['Connection: Content-Length', 'Content-Length: 5'], '12345'),
    fault: ({ first }) =>
      first === '' || /content-length: 5/i.test(first) ? undefined : 'the origin sees another message',
  },
  {
    name: 'two Host fields',
    origin: answers(response('one')),
    client: (peer, { first, victim }) => {
      peer.send(request(first, { fields: [`Host: ${victim}`] }))
    },
    fault: refuses(400),
  },
  {
    name: 'another Host than the address',
    origin: answers(response('one')),
    client: (peer, { first, victim }) => {
      peer.send(`GET http://${first}/ HTTP/1.1\r\nHost: ${victim}\r\n\r\n`)
    },
    fault: ({ first, client }) =>
      /^HTTP\/1\.1 400/.test(client) ||
      (/\r\nhost: 127/i.test(first) && (first.match(/\r\nhost:/gi) ?? []).length === 1)
        ? undefined
        : 'two hosts',
  },
]

const upgrade: Omit<HopCase, 'group'>[] = [
  {
    name: 'WebSocket',
    origin: async (peer) => {
      if (!(await peer.sees('\r\n\r\n'))) return
      peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
      if (await peer.sees('ping')) {
        peer.send('pong')
        peer.finish()
      }
    },
    client: async (peer, { first }) => {
      peer.send(request(first, { fields: ['Connection: Upgrade', 'Upgrade: websocket'] }))
      if (await peer.sees('hello')) peer.send('ping')
      await peer.sees('pong')
      peer.finish()
    },
    fault: ({ client }) =>
      /^HTTP\/1\.1 101 [^]*\r\n\r\nhellopong$/.test(client)
        ? undefined
        : `got ${JSON.stringify(client.slice(-60))}`,
  },
  {
    name: 'WebSocket refused, then reuse',
    origin: answers(response('one')),
    client: reuses('one', { fields: ['Connection: Upgrade', 'Upgrade: websocket'] }),
    fault: gets(200, 'one'),
  },
  {
    name: '101 that nobody asked for',
    origin: answers('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\n'),
    client: reusesAnyway('\r\n\r\n'),
    fault: clientLacks(/ 101 /),
  },
  {
    name: 'h2c, which would take later requests along',
    origin: answers(response('one')),
    client: asks({
      fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    }),
    fault: all(gets(200, 'one'), originLacks(/h2c|http2-settings/i)),
  },
  {
    name: 'TLS within HTTP',
    origin: answers(response('one')),
    client: asks({ fields: ['Connection: Upgrade', 'Upgrade: TLS/1.2'] }),
    fault: all(gets(200, 'one'), originLacks(/upgrade: tls/i)),
  },
]

const versions: Omit<HopCase, 'group'>[] = [
  {
    name: 'HTTP/1.5 is answered as 1.1',
    origin: answers(response('one')),
    client: asks({ version: '1.5' }),
    fault: ({ client, first }) =>
      /^HTTP\/1\.1 (400|505)/.test(client) || (/ HTTP\/1\.1\r\n/.test(first) && client.endsWith('one'))
        ? undefined
        : `the origin got ${JSON.stringify(first.slice(0, 40))}`,
  },
  {
    name: 'HTTP/2.0 is refused',
    origin: answers(response('one')),
    client: asks({ version: '2.0' }),
    fault: refuses(505, 400),
  },
  {
    name: 'HTTP/1.0',
    origin: answersAndEnds('HTTP/1.0 200 OK\r\n\r\none'),
    client: asks({ version: '1.0' }),
    fault: gets(200, 'one'),
  },
  {
    name: 'an empty line before the request',
    origin: answers(response('one')),
    client: (peer, { first }) => {
      peer.send(`\r\n${request(first)}`)
    },
    fault: gets(200, 'one'),
  },
  {
    name: 'raw UTF-8 in a path',
    origin: answers(response('one')),
    client: asks({ path: '/caf\xc3\xa9' }),
    fault: all(gets(200, 'one'), originHas(/^GET \/caf(\xc3\xa9|%C3%A9) /i)),
  },
  {
    name: "fields of the client's hop",
    origin: answers(response('one')),
    client: asks({ fields: ['Connection: X-Hop, close', 'X-Hop: 1', 'Keep-Alive: 9', 'TE: trailers'] }),
    fault: all(gets(200, 'one'), originLacks(/x-hop|keep-alive|\r\nte:/i)),
  },
]

export const CORPUS: HopCase[] = Object.entries({
  'connection reuse': reuse,
  'interim responses': interim,
  'early responses': early,
  responses,
  'framing of requests': framing,
  upgrades: upgrade,
  'versions and heads': versions,
}).flatMap(([group, cases]) => cases.map((each) => ({ group, ...each })))
