// The server name of a ClientHello: OpenSSL's own, and good, bad, cut and mutated ones.
import t from 'tap'
import { decodeClientHello, MAX_OPENING } from '../../../../proxy/reverse/client-hello.js'
import type { Opening } from '../../../../proxy/reverse/opening.js'
import {
  extension,
  hello,
  nameEntry,
  realHello,
  records,
  serverName,
  vector,
} from '../../../support/client-hello.js'
import { Random, seedOf } from '../../../support/random.js'

const decode = (bytes: Buffer): Opening | undefined => decodeClientHello(bytes)?.value
const site = (name: string): Opening => ({ kind: 'site', name })
const other = extension(0x0a0a)

void t.test('what OpenSSL says', async (t) => {
  for (const versions of [
    { minVersion: 'TLSv1.3' } as const,
    { maxVersion: 'TLSv1.2' } as const,
    { ALPNProtocols: ['h2', 'http/1.1'] },
  ]) {
    const bytes = await realHello({ servername: 'www.example.org', ...versions })
    t.strictSame(decode(bytes), site('www.example.org'), JSON.stringify(versions))
    for (let length = 0; length < bytes.length; length++) {
      if (decode(bytes.subarray(0, length)) !== undefined) t.fail(`decided after ${length} bytes`)
    }
    t.strictSame(decode(records(bytes.subarray(5), 100)), site('www.example.org'), 'in several records')
  }
  t.match(decode(await realHello({})), { kind: 'nameless' })
})

void t.test('right ones', (t) => {
  const www = hello({ extensions: [other, serverName('www.example.org'), extension(43)] })
  const early = Buffer.from('140303000101170303000500112233441603', 'hex')
  const anyVersion = Buffer.from(records(www))
  anyVersion.set([0x7f, 0xff], 1)
  const cases: [string, Buffer, Opening | { kind: string }][] = [
    ['a record version, which is to be ignored', anyVersion, site('www.example.org')],
    ['one record', records(www), site('www.example.org')],
    ['a record for each byte', records(www, 1), site('www.example.org')],
    ['early data behind it', Buffer.concat([records(www), early]), site('www.example.org')],
    ['another message in the same record', records(Buffer.concat([www, www])), site('www.example.org')],
    [
      'case is kept',
      records(hello({ extensions: [serverName('WWW.Example.ORG.')] })),
      site('WWW.Example.ORG.'),
    ],
    ['no session', records(hello({ session: Buffer.alloc(0), extensions: [serverName('a')] })), site('a')],
    ['no extensions at all', records(hello({})), { kind: 'nameless' }],
    ['an empty list of extensions', records(hello({ extensions: [] })), { kind: 'nameless' }],
    ['other extensions', records(hello({ extensions: [other, extension(43)] })), { kind: 'nameless' }],
    [
      'a name of another type only',
      records(hello({ extensions: [extension(0, vector(2, nameEntry('a', 9)))] })),
      { kind: 'nameless' },
    ],
    [
      'a name of another type before ours',
      records(hello({ extensions: [extension(0, vector(2, nameEntry('a', 9), nameEntry('b')))] })),
      site('b'),
    ],
    [
      'a long one of post-quantum times',
      records(hello({ extensions: [extension(51, Buffer.alloc(15_000)), serverName('a.example')] })),
      site('a.example'),
    ],
  ]
  for (const [what, bytes, wanted] of cases) t.match(decode(bytes), wanted, what)
  t.end()
})

void t.test('wrong ones', (t) => {
  const good = hello({ extensions: [serverName('www.example.org')] })
  const changed = (at: number, ...values: number[]): Buffer => {
    const bytes = Buffer.from(records(good))
    bytes.set(values, at)
    return bytes
  }
  const inside = (...extensions: Buffer[]): Buffer => records(hello({ extensions }))
  const cases: [string, Buffer][] = [
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['one wrong byte', Buffer.from([21])],
    ['SSLv2', Buffer.from('802e010002001500000010', 'hex')],
    ['an alert', Buffer.from('15030300020250', 'hex')],
    ['an empty record', changed(3, 0, 0)],
    ['a record too long', changed(3, 0x40, 1)],
    ['a ServerHello', changed(5, 2)],
    [
      'an empty record between two',
      Buffer.concat([records(good.subarray(0, 9)), Buffer.from([22, 3, 1, 0, 0])]),
    ],
    [
      'another type between two',
      Buffer.concat([records(good.subarray(0, 9)), Buffer.from([23, 3, 3, 0, 1, 0])]),
    ],
    ['a hello of 16 MB', Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])],
    ['a hello too long', records(hello({ extensions: [extension(51, Buffer.alloc(16_384))] }))],
    ['a hello too short', records(Buffer.from([1, 0, 0, 2, 3, 3]))],
    ['a session of 33 bytes', records(hello({ session: Buffer.alloc(33), extensions: [] }))],
    ['no cipher suite', records(hello({ suites: Buffer.alloc(0), extensions: [] }))],
    ['half a cipher suite', records(hello({ suites: Buffer.alloc(3), extensions: [] }))],
    ['no compression method', records(hello({ compression: Buffer.alloc(0), extensions: [] }))],
    ['bytes behind the extensions', records(hello({ extensions: [], more: Buffer.alloc(1) }))],
    ['half an extension', records(hello({ extensions: [Buffer.from([0, 0, 0])] }))],
    ['an extension beyond the end', inside(Buffer.from([0, 1, 0, 9, 1]))],
    ['an extension twice', inside(other, serverName('a'), other)],
    ['two server_name extensions', inside(serverName('a'), serverName('b'))],
    ['two names', inside(serverName('a', 'b'))],
    ['an empty list of names', inside(extension(0, vector(2)))],
    ['an empty name', inside(serverName(''))],
    ['no list', inside(extension(0))],
    ['bytes behind the list', inside(extension(0, vector(2, nameEntry('a')), Buffer.from([0])))],
    ['a name beyond the list', inside(extension(0, vector(2, Buffer.from([0, 0, 9, 97]))))],
    ['a name with a NUL', inside(serverName('www.example.org\0.evil.example'))],
    ['a name with a blank', inside(serverName('a b'))],
    ['a name with a line end', inside(serverName('a\r\nb'))],
    ['a name of other letters', inside(serverName('bücher.example'))],
    ['an IPv6 address', inside(serverName('2001:db8::1'))],
    ['a name of 256 bytes', inside(serverName('a'.repeat(256)))],
    [
      'records that never end it',
      records(Buffer.concat([Buffer.from([1, 0, 0x3f, 0]), Buffer.alloc(8000)]), 2),
    ],
  ]
  for (const [what, bytes] of cases) t.match(decode(bytes), { kind: 'foreign', why: /./ }, what)
  t.end()
})

void t.test('mutations are decided or wait, and never for too long', async (t) => {
  const seed = seedOf(11)
  const random = new Random(seed)
  const bases = [
    await realHello({ servername: 'www.example.org', ALPNProtocols: ['h2'] }),
    await realHello({ servername: 'a.example', maxVersion: 'TLSv1.2' }),
    records(hello({ extensions: [other, serverName('b.example')] }), 7),
  ] as const
  const kinds = new Set<string>()
  for (let round = 0; round < 6000; round++) {
    let bytes = Buffer.from(random.pick(bases))
    for (let changes = 1 + random.below(3); changes > 0 && bytes.length > 0; changes--) {
      const at = random.below(bytes.length)
      if (random.chance(0.6)) bytes[at] = random.below(256)
      else if (random.chance(0.5)) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
      else
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(40)), bytes.subarray(at)])
    }
    const found = decode(bytes)
    kinds.add(found?.kind ?? 'waits')
    if (found?.kind === 'site' && !/^[\w.-]+$/.test(found.name)) t.fail(`seed ${seed}: ${found.name}`)
    // whatever it waits for, the limit ends it
    const padded = decode(Buffer.concat([bytes, Buffer.alloc(MAX_OPENING + 1)]))
    if (padded === undefined) t.fail(`seed ${seed}: waits for ever: ${bytes.toString('hex')}`)
  }
  t.strictSame([...kinds].sort(), ['foreign', 'nameless', 'site', 'waits'])
})
