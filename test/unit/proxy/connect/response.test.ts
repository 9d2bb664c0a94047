// Heads of responses: read piece by piece, written anew, and where their bodies end.
import t from 'tap'
import { clientHead, interimHead } from '../../../../proxy/connect/forward.js'
import { decodeRequestHead, type RequestHead } from '../../../../proxy/http/request-head.js'
import {
  decodeResponseHead,
  MAX_RESPONSE_HEAD,
  ResponseProblem,
} from '../../../../proxy/http/response-head.js'
import { Random, seedOf } from '../../../support/random.js'

const requestOf = (method: string, minor: number): RequestHead => {
  const head = decodeRequestHead(Buffer.from(`${method} http://a/ HTTP/1.${minor}\r\nHost: a\r\n\r\n`))?.value
  if (head === undefined) throw new Error('no head')
  return head
}

/** What the client gets, and where the body ends. */
function answered(text: string, method = 'GET', minor = 1): [head: string, end: unknown] {
  const decoded = decodeResponseHead(Buffer.from(text, 'latin1'))
  if (decoded === undefined) return ['', 'incomplete']
  const { head, end } = clientHead(requestOf(method, minor), decoded.value)
  return [head.toString('latin1'), end]
}

const CLOSE = 'Via: 1.1 mptk\r\nConnection: close\r\n\r\n'

void t.test('right ones', (t) => {
  const cases: [what: string, text: string, fields: string, end: unknown, method?: string, minor?: number][] = [
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', 3],
    ['no length', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n', undefined],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n', 0],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n', 'chunked'],
    ['chunks for HTTP/1.0', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\n', 'decoded', 'GET', 0],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n', undefined],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n', 'chunked'],
    ['a length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', 3],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', 0, 'HEAD'],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n', 0],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 204 No Content\r\n', 0],
    ['LF alone, blanks, folding', 'HTTP/1.1 200 OK\nA : b\n  c\nContent-Length:3\n\n', 'HTTP/1.1 200 OK\r\nA: b c\r\nContent-Length: 3\r\n', 3],
    ['fields of the hop', 'HTTP/1.1 200 OK\r\nConnection: x, keep-alive\r\nX: y\r\nKeep-Alive: 5\r\nProxy-Authenticate: z\r\nUpgrade: h2c\r\n\r\n', 'HTTP/1.1 200 OK\r\n', undefined],
    ['Connection names the length', 'HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', 3],
    ['a status of their own', 'HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n', 3],
  ] // prettier-ignore
  for (const [what, text, fields, end, method, minor] of cases) {
    t.strictSame(answered(text, method, minor), [fields + CLOSE, end], what)
    for (let length = 0; length < text.length; length++) {
      if (decodeResponseHead(Buffer.from(text.slice(0, length))) !== undefined)
        t.fail(`${what}: after ${length}`)
    }
  }
  const old = answered('HTTP/1.0 200 OK\r\n\r\n')
  t.strictSame(
    old,
    ['HTTP/1.1 200 OK\r\nVia: 1.0 mptk\r\nConnection: close\r\n\r\n', undefined],
    'our own version',
  )
  const hints = decodeResponseHead(
    Buffer.from('HTTP/1.1 103 Early Hints\r\nConnection: x\r\nX: y\r\nLink: z\r\n\r\n'),
  )
  if (hints === undefined) throw new Error('incomplete')
  t.equal(
    String(interimHead(hints.value)),
    'HTTP/1.1 103 Early Hints\r\nLink: z\r\nVia: 1.1 mptk\r\n\r\n',
    'no close',
  )
  t.end()
})

void t.test('what is no response', (t) => {
  const cases: [string, string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['no colon', 'HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n'],
    ['a blank in a name', 'HTTP/1.1 200 OK\r\nContent Length: 3\r\n\r\n'],
    ['a bare CR', 'HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n'],
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n'],
    ['chunked before another', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n'],
    ['407', 'HTTP/1.1 407 Login\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(MAX_RESPONSE_HEAD)}`],
  ]
  for (const [what, text] of cases) t.throws(() => answered(text), { code: 'MPTK_HANDSHAKE' }, what)
  t.throws(() => answered('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'GET', 0), {
    code: 'MPTK_HANDSHAKE',
  })
  t.end()
})

void t.test('mutations: what the client gets can be read in one way only', (t) => {
  const seed = seedOf(18)
  const random = new Random(seed)
  const bases = [
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive, X\r\nX: 1\r\n\r\n',
    'HTTP/1.0 404 Not Found\r\nTransfer-Encoding: chunked\r\nServer: a\r\n\r\n',
  ] as const
  const odd = ['\r', '\n', '\r\n', ' ', '\t', ':', '\0', ',', ';', 'chunked', 'Content-Length: 9\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: content-length\r\n'] as const // prettier-ignore
  let passed = 0
  for (let round = 0; round < 4000; round++) {
    let text: string = random.pick(bases)
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const at = random.below(text.length)
      text =
        text.slice(0, at) + (random.chance(0.8) ? random.pick(odd) : '') + text.slice(at + random.below(3))
    }
    let answer: [string, unknown]
    try {
      answer = answered(text)
    } catch (error) {
      if (!(error instanceof ResponseProblem)) throw error
      continue
    }
    if (answer[1] === 'incomplete') continue
    passed++
    const wrong = fault(...answer)
    if (wrong !== undefined)
      t.fail(`seed ${seed}: ${wrong}: ${JSON.stringify(text)} became ${JSON.stringify(answer)}`)
  }
  t.ok(passed > 300, `${passed} were passed on`)
  t.end()
})

function fault(head: string, end: unknown): string | undefined {
  if (!/^HTTP\/1\.1 \d{3} [^\r\n]*\r\n([!-9;-~]+: [\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/.test(head))
    return 'not one head'
  const count = (name: RegExp): number => head.match(name)?.length ?? 0
  const lengths = count(/^content-length:/gim)
  const codings = count(/^transfer-encoding:/gim)
  if (lengths > 1 || (lengths > 0 && codings > 0)) return 'two lengths'
  if (count(/^connection: close$/gim) !== 1 || count(/^connection:/gim) !== 1) return 'Connection'
  if (typeof end === 'number' && !head.includes(`\r\nContent-Length: ${end}\r\n`) && end !== 0)
    return 'another length'
  return undefined
}
