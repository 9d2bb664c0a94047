// Rewritten heads, and mutations of them: what is passed on can be read in one way only.
import t from 'tap'
import { originHead, isLastHop } from '../../../../proxy/connect/forward.js'
import { absoluteTarget, requestedHost } from '../../../../proxy/http/authority.js'
import { requestEnd } from '../../../../proxy/http/framing.js'
import { decodeRequestHead, RequestProblem } from '../../../../proxy/http/request-head.js'
import { upgradesAsked } from '../../../../proxy/http/upgrade.js'
import { Random, seedOf } from '../../../support/random.js'

/** What the server gets; undefined while the head is incomplete. */
function forwarded(text: string): string | undefined {
  const head = decodeRequestHead(Buffer.from(text, 'latin1'))?.value
  if (head === undefined) return undefined
  requestedHost(head)
  const target = absoluteTarget(head.target)
  if (target === undefined) throw new RequestProblem('another form')
  const end = requestEnd(head)
  return originHead(head, target, upgradesAsked(head, end)).toString('latin1')
}

void t.test('targets and hosts', (t) => {
  const cases: [string, string, string][] = [
    ['GET http://a.example', 'GET / HTTP/1.1', 'a.example'],
    ['GET http://a.example/', 'GET / HTTP/1.1', 'a.example'],
    ['GET http://a.example?b', 'GET /?b HTTP/1.1', 'a.example'],
    ['GET http://a.example:80/%2f//..?b=http://c', 'GET /%2f//..?b=http://c HTTP/1.1', 'a.example'],
    ['GET http://[2001:db8::1]:8080/x', 'GET /x HTTP/1.1', '[2001:db8::1]:8080'],
    ['OPTIONS http://a.example', 'OPTIONS * HTTP/1.1', 'a.example'],
    ['OPTIONS http://a.example/', 'OPTIONS / HTTP/1.1', 'a.example'],
    ['GET http://a.example/\xc3\xa9?\xff', 'GET /%C3%A9?%FF HTTP/1.1', 'a.example'],
    ['PROPFIND http://a.example/x', 'PROPFIND /x HTTP/1.1', 'a.example'],
  ]
  for (const [given, line, host] of cases) {
    t.equal(
      forwarded(`${given} HTTP/1.1\r\nHost: evil.example\r\n\r\n`),
      `${line}\r\nHost: ${host}\r\nVia: 1.1 mptk\r\nConnection: close\r\n\r\n`,
      given,
    )
  }
  t.equal(
    forwarded('GET http://a/ HTTP/1.0\r\n\r\n'),
    'GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 mptk\r\nConnection: close\r\n\r\n',
    'each hop says its own version',
  )
  t.match(
    forwarded('GET http://a/ HTTP/1.5\r\nHost: a\r\n\r\n'),
    /^GET \/ HTTP\/1\.1\r\n[^]*\r\nVia: 1\.5 mptk\r\n/,
  )
  t.match(
    forwarded('\r\n\r\nGET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n'),
    'GET /b HTTP/1.1\r\n',
    'empty lines before it',
  )
  t.end()
})

void t.test('Max-Forwards', (t) => {
  const options = (value: string): string =>
    `OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`
  const last = (text: string): boolean => {
    const head = decodeRequestHead(Buffer.from(text))?.value
    return head !== undefined && isLastHop(head)
  }
  t.ok(last(options('0')))
  t.notOk(last(options('1')))
  t.notOk(last(options('0').replace('OPTIONS', 'GET')))
  t.match(forwarded(options('10')), '\r\nMax-Forwards: 9\r\n')
  t.end()
})

void t.test('mutations', (t) => {
  const seed = seedOf(13)
  const random = new Random(seed)
  const bases = [
    'POST http://a.example:81/x?y HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close, X\r\nX: 1\r\n\r\n',
    'PUT http://b.example/ HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n',
    'GET http://c.example/ HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\nhost: c\r\n\r\n',
  ] as const
  const odd = [
    '\r', '\n', '\r\n', ' ', '\t', ':', '\0', ',', '\x0b', '\xa0', ';', 'chunked', '0', 'Content-Length: 9\r\n',
    'Transfer-Encoding: chunked\r\n', 'Connection: content-length\r\n', ' HTTP/1.1\r\n',
  ] as const // prettier-ignore
  let passed = 0
  for (let round = 0; round < 6000; round++) {
    let text: string = random.pick(bases)
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const at = random.below(text.length)
      text =
        text.slice(0, at) + (random.chance(0.8) ? random.pick(odd) : '') + text.slice(at + random.below(3))
    }
    let out: string | undefined
    try {
      out = forwarded(text)
    } catch (error) {
      if (!(error instanceof RequestProblem)) throw error
      continue
    }
    if (out === undefined) continue
    passed++
    const wrong = fault(out)
    if (wrong !== undefined)
      t.fail(`seed ${seed}: ${wrong}: ${JSON.stringify(text)} became ${JSON.stringify(out)}`)
  }
  t.ok(passed > 300, `${passed} were passed on`)
  t.end()
})

/** What a server could misunderstand, by rules written anew. */
function fault(head: string): string | undefined {
  if (!head.endsWith('\r\n\r\n') || head.indexOf('\r\n\r\n') !== head.length - 4) return 'not one head'
  const lines = head.slice(0, -4).split('\r\n')
  if (lines.some((line) => /[^\t\x20-\x7e\x80-\xff]/.test(line))) return 'a control byte'
  const [first = '', ...fields] = lines
  if (!/^\S+ [/*]\S* HTTP\/1\.[0-9]$/.test(first)) return 'the first line'
  const names = fields.map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
  if (names.some((name) => !/^[^\s()<>@,;:\\"/[\]?={}]+$/.test(name))) return 'a name'
  const count = (name: string): number => names.filter((each) => each === name).length
  if (count('host') !== 1 || count('connection') !== 1) return 'Host or Connection'
  if (count('content-length') + count('transfer-encoding') > 1) return 'two lengths'
  if (count('proxy-authorization') > 0) return 'a password of ours'
  return undefined
}
