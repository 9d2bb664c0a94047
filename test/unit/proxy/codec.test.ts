// Every message of RFC 1928 and RFC 1929, byte for byte.
import t, { type Test } from 'tap'
import {
  COMMAND,
  decodeCredentials,
  decodeCredentialsStatus,
  decodeGreeting,
  decodeMethod,
  decodeReply,
  decodeRequest,
  encodeCredentials,
  encodeCredentialsStatus,
  encodeGreeting,
  encodeMethod,
  encodeReply,
  encodeRequest,
  METHOD,
  ProtocolError,
  REPLY,
  type Decoded,
} from '../../../proxy/socks5/codec.js'
import { Random, seedOf } from '../../support/random.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** The whole message decodes to `value`, none of its beginnings does, and what follows is left alone. */
function decodesTo<T>(
  t: Test,
  decode: (bytes: Buffer) => Decoded<T> | undefined,
  bytes: Buffer,
  value: T,
): void {
  const beginnings = Array.from(bytes, (_, length) => decode(bytes.subarray(0, length)))
  t.ok(
    beginnings.every((decoded) => decoded === undefined),
    `each beginning of ${bytes.length} bytes is incomplete`,
  )
  t.strictSame(decode(bytes), { value, length: bytes.length })
  t.strictSame(
    decode(Buffer.concat([bytes, hex('05 00 ff')])),
    { value, length: bytes.length },
    'the next bytes are not part of the message',
  )
}

/** The message is refused at its byte `at` (0 is the first) and no earlier, with this reply. */
function refusedAt<T>(
  t: Test,
  decode: (bytes: Buffer) => Decoded<T> | undefined,
  bytes: Buffer,
  at: number,
  reply: number | undefined,
): void {
  t.equal(decode(bytes.subarray(0, at)), undefined, `nothing is wrong before byte ${at}`)
  for (const length of [at + 1, bytes.length]) {
    try {
      decode(bytes.subarray(0, length))
      t.fail(`${bytes.toString('hex', 0, length)} was accepted`)
    } catch (error) {
      t.type(error, ProtocolError)
      t.equal((error as ProtocolError).reply, reply)
    }
  }
}

void t.test('greeting', (t) => {
  t.strictSame(encodeGreeting([METHOD.none]), hex('05 01 00'))
  t.strictSame(encodeGreeting([METHOD.none, METHOD.password]), hex('05 02 00 02'))
  const anyLength = (bytes: Buffer): Decoded<number[]> | undefined => {
    const decoded = decodeGreeting(bytes)
    return decoded && { value: [...decoded.value], length: decoded.length }
  }
  decodesTo(t, anyLength, hex('05 01 00'), [0])
  decodesTo(t, anyLength, hex('05 03 00 01 02'), [0, 1, 2])
  const most = Array.from({ length: 255 }, (_, i) => i)
  decodesTo(t, anyLength, encodeGreeting(most), most)
  refusedAt(t, decodeGreeting, hex('04 01 00'), 0, undefined)
  refusedAt(t, decodeGreeting, hex('05 00'), 1, undefined)
  t.end()
})

void t.test('method and status of the password', (t) => {
  t.strictSame(encodeMethod(METHOD.password), hex('05 02'))
  t.strictSame(encodeMethod(METHOD.unacceptable), hex('05 ff'))
  t.strictSame(encodeCredentialsStatus(true), hex('01 00'))
  t.strictSame(encodeCredentialsStatus(false), hex('01 01'))
  t.end()
})

void t.test('user name and password', (t) => {
  const bytes = hex('01 05 616c696365 06 736563726574')
  t.strictSame(encodeCredentials('alice', 'secret'), bytes)
  decodesTo(t, decodeCredentials, bytes, { username: 'alice', password: 'secret' })
  decodesTo(t, decodeCredentials, hex('01 01 61 00'), { username: 'a', password: '' })
  const longest = { username: 'ü'.repeat(127) + 'x', password: 'p'.repeat(255) }
  decodesTo(t, decodeCredentials, encodeCredentials(longest.username, longest.password), longest)
  refusedAt(t, decodeCredentials, hex('05 01 61 01 62'), 0, undefined)
  refusedAt(t, decodeCredentials, hex('01 00 01 62'), 1, undefined)
  t.end()
})

void t.test('request', (t) => {
  const messages: [string, string, number][] = [
    ['05 01 00 01 c0000207 01bb', '192.0.2.7', 443],
    ['05 01 00 01 00000000 0000', '0.0.0.0', 0],
    ['05 01 00 03 0b 6578616d706c652e6f7267 ffff', 'example.org', 65535],
    ['05 01 00 03 01 78 0050', 'x', 80],
    ['05 01 00 04 20010db8000000000000000000000001 0050', '2001:db8::1', 80],
    ['05 01 00 04 00000000000000000000000000000000 0050', '::', 80],
    ['05 01 00 04 00000000000000000000000000000001 0050', '::1', 80],
    ['05 01 00 04 20010db8000100020003000400050006 0050', '2001:db8:1:2:3:4:5:6', 80],
    ['05 01 00 04 fe800000000000000000000000000000 0050', 'fe80::', 80],
    ['05 01 00 04 00010000000000020000000000000003 0050', '1:0:0:2::3', 80],
  ]
  for (const [text, host, port] of messages) {
    const destination = { host, port }
    t.strictSame(encodeRequest(COMMAND.connect, destination), hex(text), host)
    decodesTo(t, decodeRequest, hex(text), { command: COMMAND.connect, destination })
  }
  decodesTo(t, decodeRequest, hex('05 01 07 01 c0000207 01bb'), {
    command: COMMAND.connect,
    destination: { host: '192.0.2.7', port: 443 },
  })
  const longest = { host: 'a'.repeat(255), port: 1 }
  const bytes = encodeRequest(COMMAND.bind, longest)
  t.equal(bytes.length, 262)
  decodesTo(t, decodeRequest, bytes, { command: COMMAND.bind, destination: longest })
  t.end()
})

void t.test('requests that cannot be', (t) => {
  refusedAt(t, decodeRequest, hex('04 01 00 01 c0000207 01bb'), 0, undefined)
  for (const type of ['00', '02', '05', 'ff']) {
    refusedAt(t, decodeRequest, hex(`05 01 00 ${type} c0000207 01bb`), 3, REPLY.addressTypeNotSupported)
  }
  refusedAt(t, decodeRequest, hex('05 01 00 03 00 01bb'), 4, REPLY.generalFailure)
  t.throws(() => encodeRequest(COMMAND.connect, { host: 'a'.repeat(256), port: 1 }), ProtocolError)
  t.throws(() => encodeRequest(COMMAND.connect, { host: '', port: 1 }), ProtocolError)
  t.end()
})

void t.test('reply', (t) => {
  t.strictSame(
    encodeReply(REPLY.succeeded, { address: '10.0.2.2', port: 4660 }),
    hex('05 00 00 01 0a000202 1234'),
  )
  t.strictSame(encodeReply(REPLY.connectionRefused), hex('05 05 00 01 00000000 0000'))
  t.strictSame(
    encodeReply(REPLY.succeeded, { address: '2001:db8::2', port: 80 }),
    hex('05 00 00 04 20010db8000000000000000000000002 0050'),
  )
  t.strictSame(
    encodeReply(REPLY.succeeded, { address: 'fe80::1%eth0', port: 80 }),
    hex('05 00 00 04 fe800000000000000000000000000001 0050'),
    'a zone has no place in the message',
  )
  t.strictSame(
    encodeReply(REPLY.succeeded, { address: '::ffff:192.0.2.1', port: 80 }),
    hex('05 00 00 04 00000000000000000000ffffc0000201 0050'),
  )
  const nothing = { host: '0.0.0.0', port: 0 }
  decodesTo(t, decodeReply, encodeReply(REPLY.succeeded), { reply: 0, bound: nothing })
  decodesTo(t, decodeReply, hex('05 00 00 03 01 78 0050'), { reply: 0, bound: { host: 'x', port: 80 } })
  t.end()
})

void t.test('replies: what means nothing is not looked at', (t) => {
  decodesTo(t, decodeReply, hex('05 00 ff 01 0a000202 1234'), {
    reply: 0,
    bound: { host: '10.0.2.2', port: 4660 },
  })
  decodesTo(t, decodeReply, hex('05 00 00 03 00 0000'), { reply: 0, bound: { host: '', port: 0 } })
  // a failure is its code: what proxies send behind it, and whether at all
  const codes = [...Object.values(REPLY).filter((reply) => reply !== REPLY.succeeded), 9, 255]
  for (const reply of codes) {
    const head = Buffer.from([5, reply])
    for (const rest of ['', '00', '00 00', '00 01 0000', '00 01 00000000 0000', '00 03 00', '07 ff ff ff']) {
      const bytes = Buffer.concat([head, hex(rest)])
      t.strictSame(
        decodeReply(bytes),
        { value: { reply, bound: { host: '0.0.0.0', port: 0 } }, length: bytes.length },
        bytes.toString('hex'),
      )
    }
  }
  t.equal(decodeReply(hex('05')), undefined)
  refusedAt(t, decodeReply, hex('05 00 00 02 00000000 0000'), 3, REPLY.addressTypeNotSupported)
  refusedAt(t, decodeReply, hex('04 5a'), 0, undefined)
  t.end()
})

void t.test('the choice of a method, and the status of a password', (t) => {
  decodesTo(t, decodeMethod, hex('05 02'), METHOD.password)
  decodesTo(t, decodeMethod, hex('05 ff'), METHOD.unacceptable)
  refusedAt(t, decodeMethod, hex('01 00'), 0, undefined)
  decodesTo(t, decodeCredentialsStatus, hex('01 00'), 0)
  decodesTo(t, decodeCredentialsStatus, hex('01 7f'), 127)
  decodesTo(t, decodeCredentialsStatus, hex('05 00'), 0)
  refusedAt(t, decodeCredentialsStatus, hex('48 54'), 0, undefined)
  t.end()
})

void t.test('what is encoded decodes to itself', (t) => {
  const seed = seedOf(1928)
  const random = new Random(seed)
  const text = (most: number): string =>
    Array.from({ length: 1 + random.below(most) }, () =>
      random.pick(['a', 'z', '0', '9', '-', '.', '_']),
    ).join('')
  for (let round = 0; round < 2000; round++) {
    const raw = random.bytes(16)
    for (let i = 0; i < 16; i++) if (random.chance(0.5)) raw[i] = 0
    const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(2 * i).toString(16)).join(':')
    const host = random.pick([[...raw.subarray(0, 4)].join('.'), text(255), groups])
    const port = random.below(65536)
    const bytes = encodeRequest(1 + random.below(3), { host, port })
    const decoded = decodeRequest(bytes)
    if (decoded === undefined) throw new Error(`seed ${seed}: ${host} is incomplete`)
    const same = host.includes(':')
      ? encodeRequest(decoded.value.command, decoded.value.destination).equals(bytes)
      : decoded.value.destination.host === host
    if (!same || decoded.value.destination.port !== port || decoded.length !== bytes.length) {
      t.fail(`seed ${seed}: ${host} port ${port} came back as ${JSON.stringify(decoded)}`)
    }
    const credentials = { username: text(255), password: text(255) }
    const back = decodeCredentials(encodeCredentials(credentials.username, credentials.password))
    if (JSON.stringify(back?.value) !== JSON.stringify(credentials)) {
      t.fail(`seed ${seed}: ${JSON.stringify(credentials)} came back as ${JSON.stringify(back)}`)
    }
  }
  t.pass(`2000 rounds from seed ${seed}`)
  t.end()
})

void t.test(
  'any bytes at all: a value, undefined or a ProtocolError, and never more bytes than there are',
  (t) => {
    const seed = seedOf(1929)
    const random = new Random(seed)
    const decoders = { decodeGreeting, decodeCredentials, decodeRequest, decodeReply }
    const outcomes = { value: 0, incomplete: 0, refused: 0 }
    for (let round = 0; round < 20_000; round++) {
      const bytes = random.bytes(random.below(40))
      // mostly right beginnings, or nothing but the first byte would be tested
      if (bytes.length > 3 && random.chance(0.8))
        bytes.set([random.pick([5, 1]), random.below(4), 0, random.below(5)])
      for (const [name, decode] of Object.entries(decoders)) {
        try {
          const decoded = decode(bytes)
          if (decoded === undefined) outcomes.incomplete++
          else if (decoded.length <= bytes.length) outcomes.value++
          else t.fail(`seed ${seed}: ${name} took ${decoded.length} of ${bytes.toString('hex')}`)
        } catch (error) {
          if (error instanceof ProtocolError) outcomes.refused++
          else t.fail(`seed ${seed}: ${name} of ${bytes.toString('hex')} threw ${String(error)}`)
        }
      }
    }
    t.ok(
      outcomes.value > 1000 && outcomes.incomplete > 1000 && outcomes.refused > 1000,
      JSON.stringify(outcomes),
    )
    t.end()
  },
)
