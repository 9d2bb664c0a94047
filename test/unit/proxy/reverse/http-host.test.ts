// The host of the first HTTP request: good, bad, cut and mutated heads.
import t from 'tap'
import { MAX_HEAD } from '../../../../proxy/http/request-head.js'
import { decodeHost } from '../../../../proxy/reverse/http-host.js'
import type { Opening } from '../../../../proxy/reverse/opening.js'
import { Random, seedOf } from '../../../support/random.js'

const decode = (text: string): Opening | undefined => decodeHost(Buffer.from(text, 'latin1'))?.value
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`

void t.test('right ones', (t) => {
  const cases: [string, string, string | undefined][] = [
    ['a host', head('GET / HTTP/1.1', 'Host: www.example.org'), 'www.example.org'],
    ['with a port', head('GET / HTTP/1.1', 'Host: www.example.org:8080'), 'www.example.org'],
    ['with an empty port', head('GET / HTTP/1.1', 'Host: www.example.org:'), 'www.example.org'],
    ['whatever the case', head('GET / HTTP/1.1', 'hOsT: WWW.Example.ORG'), 'WWW.Example.ORG'],
    ['blanks around it', head('GET / HTTP/1.1', 'Host:\t a.example \t'), 'a.example'],
    ['no blank', head('GET / HTTP/1.1', 'Host:a.example'), 'a.example'],
    [
      'among others',
      head('POST /x HTTP/1.1', 'A: b', 'Host: a.example', 'Content-Length: 3') + 'abc',
      'a.example',
    ],
    ['an address', head('GET / HTTP/1.1', 'Host: [2001:db8::1]:80'), '2001:db8::1'],
    ['absolute-form wins', head('GET http://b.example:81/x?y HTTP/1.1', 'Host: a.example'), 'b.example'],
    ['absolute-form in HTTP/1.0', head('GET http://b.example HTTP/1.0'), 'b.example'],
    ['asterisk-form', head('OPTIONS * HTTP/1.1', 'Host: a.example'), 'a.example'],
    ['CONNECT', head('CONNECT c.example:443 HTTP/1.1', 'Host: a.example'), 'c.example'],
    ['HTTP/1.0 without', head('GET / HTTP/1.0'), undefined],
    ['an empty Host', head('GET / HTTP/1.1', 'Host:'), undefined],
    ['an empty line first', head('', 'GET / HTTP/1.1', 'Host: a'), 'a'],
    ['raw UTF-8 in a path', head('GET /caf\xc3\xa9 HTTP/1.1', 'Host: a'), 'a'],
    ['a later HTTP/1', head('GET / HTTP/1.5', 'Host: a'), 'a'],
    ['other bytes in a value', head('GET / HTTP/1.1', 'X: \xe9', 'Host: a'), 'a'],
  ]
  for (const [what, text, name] of cases) {
    t.match(decode(text), name === undefined ? { kind: 'nameless' } : { kind: 'site', name }, what)
    const whole = text.indexOf('\r\n\r\n') + 4
    for (let length = 0; length < whole; length++) {
      if (decode(text.slice(0, length)) !== undefined) t.fail(`${what}: decided after ${length} bytes`)
    }
  }
  t.end()
})

void t.test('what the protocol says to refuse', (t) => {
  const host = 'Host: a.example'
  const cases: [string, string][] = [
    ['no Host in HTTP/1.1', head('GET / HTTP/1.1', 'A: b')],
    ['two Hosts', head('GET / HTTP/1.1', host, host)],
    ['two Hosts beside absolute-form', head('GET http://b.example/ HTTP/1.1', host, 'host: c.example')],
    ['an invalid Host beside absolute-form', head('GET http://b.example/ HTTP/1.1', 'Host: a b')],
    ['a list of hosts', head('GET / HTTP/1.1', 'Host: a.example, b.example')],
    ['a path in Host', head('GET / HTTP/1.1', 'Host: a.example/x')],
    ['user information in Host', head('GET / HTTP/1.1', 'Host: u@a.example')],
    ['user information in the target', head('GET http://u:p@a.example/ HTTP/1.1', host)],
    ['a port that is none', head('GET / HTTP/1.1', 'Host: a.example:x')],
    ['a port of 65536', head('GET / HTTP/1.1', 'Host: a.example:65536')],
    ['brackets around a name', head('GET / HTTP/1.1', 'Host: [a.example]')],
    ['a percent sign', head('GET / HTTP/1.1', 'Host: a%2eexample')],
    ['a folded line', head('GET / HTTP/1.1', 'Host: a.example', '\tb.example')],
    ['a folded line first', head('GET / HTTP/1.1', ' Host: b.example', host)],
    ['a blank before the colon', head('GET / HTTP/1.1', 'Host : a.example')],
    ['no colon', head('GET / HTTP/1.1', 'Host')],
    ['no name', head('GET / HTTP/1.1', ': a', host)],
    ['a bare CR', head('GET / HTTP/1.1', 'A: b\rHost: b.example', host)],
    ['a bare LF', head('GET / HTTP/1.1', 'A: b\nHost: b.example', host)],
    ['a NUL', head('GET / HTTP/1.1', 'A: b\0', host)],
    ['bare LFs only', 'GET / HTTP/1.1\nHost: a.example\n\n'],
    ['a head that is too long', head('GET / HTTP/1.1', host, `A: ${'a'.repeat(MAX_HEAD)}`)],
    ['a head that does not end', `GET / HTTP/1.1\r\n${'a'.repeat(MAX_HEAD)}`],
    ['a fragment', head('GET http://a.example/#b HTTP/1.1', host)],
  ]
  for (const [what, text] of cases) t.match(decode(text), { kind: 'invalid', why: /./ }, what)
  t.end()
})

void t.test('what is no HTTP/1.x', (t) => {
  const cases: [string, string][] = [
    ["HTTP/2's preface", 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ["HTTP/2's preface, its first line", 'PRI * HTTP/2.0\r\n'],
    ['TLS', '\x16\x03\x01'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTTP/0.9', head('GET /')],
    ['two blanks', head('GET  / HTTP/1.1', 'Host: a')],
    ['a blank in the target', head('GET /a b HTTP/1.1', 'Host: a')],
    ['a blank at the end', head('GET / HTTP/1.1 ', 'Host: a')],
    ['a small protocol name', head('GET / http/1.1', 'Host: a')],
    ['a longer version', head('GET / HTTP/1.10', 'Host: a')],
  ]
  for (const [what, text] of cases) t.match(decode(text), { kind: 'foreign', why: /./ }, what)
  t.end()
})

void t.test('mutations are decided or wait, and never for too long', (t) => {
  const seed = seedOf(12)
  const random = new Random(seed)
  const base = [
    head('GET http://b.example:81/x?y HTTP/1.1', 'Host: a.example', 'Accept: */*'),
    head('POST / HTTP/1.1', 'Content-Length: 3', 'Host: www.example.org:80') + 'abc',
    head('CONNECT c.example:443 HTTP/1.1', 'Host: c.example:443'),
  ] as const
  const odd = [
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    '\0',
    '/',
    '@',
    ',',
    '\xff',
    '[',
    ']',
    '%',
    'Host: z\r\n',
  ] as const
  const kinds = new Set<string>()
  for (let round = 0; round < 6000; round++) {
    let text: string = random.pick(base)
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const at = random.below(text.length)
      const skip = random.below(3)
      text = text.slice(0, at) + (random.chance(0.7) ? random.pick(odd) : '') + text.slice(at + skip)
    }
    const found = decode(text)
    kinds.add(found?.kind ?? 'waits')
    if (found?.kind === 'site' && !/^[\w.:-]+$/.test(found.name)) t.fail(`seed ${seed}: ${found.name}`)
    const padded = decode(text + 'a'.repeat(MAX_HEAD + 1))
    if (padded === undefined) t.fail(`seed ${seed}: waits for ever: ${JSON.stringify(text)}`)
  }
  t.strictSame([...kinds].sort(), ['foreign', 'invalid', 'nameless', 'site', 'waits'])
  t.end()
})
