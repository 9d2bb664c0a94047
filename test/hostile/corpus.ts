/** Handshakes to mutate, and the mutations: first every systematic one, then random ones until there are enough. */
import type { Random } from '../support/random.js'
import type { ServiceModel } from './model.js'

/** How the bytes are delivered. */
export type Mode =
  /** In one piece, then FIN. */
  | 'whole'
  /** Cut at one place, then FIN. */
  | 'split'
  /** One byte at a time, then FIN. */
  | 'drip'
  /** In one piece, then RST. */
  | 'reset'
  /** In one piece, then close() without reading. */
  | 'vanish'

export interface Case {
  bytes: Buffer
  mode: Mode
  /** What was done, for the message of a failure. */
  origin: string
}

interface Base {
  /** Greeting, password, request, payload. */
  parts: Buffer[]
  name: string
}

const HOSTS = [
  'localhost',
  'LOCALHOST.',
  '127.0.0.1',
  '::1',
  '::ffff:127.0.0.1',
  '127.1',
  'no-such-name.invalid',
]
const ODD_NAMES = [
  '\0', 'localhost\0', '\0localhost', 'local\0host', 'localhost..', '.', '..', '-', '_', ' ', 'local host', '[::1]',
  '[', '::', '::1%lo', 'fe80::1%lo', '%', 'localhost:7000', 'http://localhost', '127.0.0.1.', '0x7f.1', '2130706433',
  '0', '127.0.0.256', '1.2.3.4.5', 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(255), 'a.'.repeat(127), '.'.repeat(255),
  '\xff\xfe', 'l\u00f6calhost', '\xc0\xaf', '${x}', '../etc/passwd', 'localhost\r\n', "'; --", '*',
] // prettier-ignore

export function greeting(...methods: number[]): Buffer {
  return Buffer.from([5, methods.length, ...methods])
}

export function password(name: string, secret: string): Buffer {
  return Buffer.concat([
    Buffer.from([1, name.length]),
    Buffer.from(name),
    Buffer.from([secret.length]),
    Buffer.from(secret),
  ])
}

export function request(address: Buffer, port: number): Buffer {
  return Buffer.concat([Buffer.from([5, 1, 0]), address, Buffer.from([port >> 8, port & 255])])
}

export const ipv4 = (...bytes: number[]): Buffer => Buffer.from([1, ...bytes])
export const ipv6 = (hex: string): Buffer => Buffer.concat([Buffer.from([4]), Buffer.from(hex, 'hex')])
export const domain = (name: string): Buffer => {
  const bytes = Buffer.from(name, 'latin1')
  return Buffer.concat([Buffer.from([3, bytes.length]), bytes])
}

const LOOPBACK6 = `${'0'.repeat(31)}1`

function bases(service: ServiceModel): Base[] {
  const { user, echoPort, refusedPort } = service
  const opening =
    user === undefined
      ? [[greeting(0)], [greeting(0, 1, 2, 0x80)]]
      : [
          [greeting(2), password(user.name, user.password)],
          [greeting(0, 2), password(user.name, user.password)],
          [greeting(2), password(user.name, 'wrong')],
        ]
  const requests: [string, Buffer][] = [
    ['IPv4', request(ipv4(127, 0, 0, 1), echoPort)],
    ['IPv6', request(ipv6(LOOPBACK6), echoPort)],
    ['mapped', request(ipv6(`${'0'.repeat(20)}ffff7f000001`), echoPort)],
    ['refused', request(ipv4(127, 0, 0, 1), refusedPort)],
    ['denied', request(ipv4(127, 0, 0, 2), echoPort)],
    ['unreachable', request(ipv4(192, 0, 2, 1), 80)],
    ['unreachable IPv6', request(ipv6(`20010db8${'0'.repeat(23)}1`), 80)],
    ...HOSTS.map((name): [string, Buffer] => [name, request(domain(name), echoPort)]),
  ]
  return opening.flatMap((parts) =>
    requests.flatMap(([name, bytes]) => [
      { name, parts: [...parts, bytes] },
      { name: `${name}, early data`, parts: [...parts, bytes, Buffer.from('GET / HTTP/1.0\r\n\r\n')] },
    ]),
  )
}

/** `total` cases, the same for the same seed. */
export function* corpus(service: ServiceModel, random: Random, total: number): Generator<Case> {
  const from = bases(service)
  let made = 0
  for (const each of systematic(service, from)) {
    if (made++ === total) return
    yield each
  }
  for (; made < total; made++) yield randomCase(from, random)
}

function* systematic(service: ServiceModel, from: Base[]): Generator<Case> {
  for (const { name, parts } of from) {
    const bytes = Buffer.concat(parts)
    for (const mode of ['whole', 'split', 'drip', 'reset', 'vanish'] as const)
      yield { bytes, mode, origin: name }
    for (let length = 0; length < bytes.length; length++) {
      const truncated = bytes.subarray(0, length)
      for (const mode of ['whole', 'reset'] as const) {
        yield { bytes: truncated, mode, origin: `${name}, first ${length} bytes` }
      }
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      yield { bytes: flipped, mode: 'whole', origin: `${name}, bit ${bit} flipped` }
    }
  }
  yield* everyValue(service)
}

/** Every value of every field that has a meaning, in a handshake that is right otherwise. */
function* everyValue({ user, echoPort }: ServiceModel): Generator<Case> {
  const opening =
    user === undefined ? greeting(0) : Buffer.concat([greeting(2), password(user.name, user.password)])
  const good = request(ipv4(127, 0, 0, 1), echoPort)
  const whole = Buffer.concat([opening, good, Buffer.from('payload')])
  for (let value = 0; value < 256; value++) {
    for (let field = 0; field < opening.length + good.length; field++) {
      const bytes = Buffer.from(whole)
      bytes[field] = value
      yield { bytes, mode: 'whole', origin: `byte ${field} is ${value}` }
    }
    // a name of this length with as many bytes, and with a byte too few
    const named = Buffer.concat([opening, request(domain('a'.repeat(value)), echoPort)])
    yield { bytes: named, mode: 'whole', origin: `a name of ${value} bytes` }
    yield { bytes: named.subarray(0, -1), mode: 'whole', origin: `a name of ${value} bytes, one missing` }
    const methods = greeting(...Array.from({ length: value }, (_, i) => i))
    yield { bytes: Buffer.concat([methods, whole.subarray(3)]), mode: 'whole', origin: `${value} methods` }
    const long = password('a'.repeat(value), 'b'.repeat(255 - value))
    yield {
      bytes: Buffer.concat([greeting(2), long]),
      mode: 'whole',
      origin: `a user name of ${value} bytes`,
    }
  }
  for (const name of ODD_NAMES) {
    const bytes = Buffer.concat([opening, request(domain(name), echoPort)])
    yield { bytes, mode: 'whole', origin: `the name ${JSON.stringify(name)}` }
    yield { bytes, mode: 'drip', origin: `the name ${JSON.stringify(name)}, byte by byte` }
  }
}

type Mutation = (bytes: Buffer, random: Random) => Buffer

const INTERESTING = [0, 1, 2, 3, 4, 5, 6, 0x10, 0x7f, 0x80, 0xfe, 0xff] as const

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    return bytes
  },
  function setByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.pick([...INTERESTING, random.below(256)])
    return bytes
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length))
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)])
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))])
  },
  function repeat(bytes, random) {
    const at = random.below(bytes.length)
    const some = bytes.subarray(at, at + 1 + random.below(16))
    return Buffer.concat([bytes.subarray(0, at), some, bytes.subarray(at)])
  },
  function append(bytes, random) {
    return Buffer.concat([bytes, random.bytes(1 + random.below(random.chance(0.05) ? 50_000 : 200))])
  },
  function insertMuch(bytes, random) {
    const at = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), random.bytes(256 + random.below(3000)), bytes.subarray(at)])
  },
  function noise(_bytes, random) {
    return random.bytes(1 + random.below(600))
  },
]

function randomCase(from: Base[], random: Random): Case {
  const base = from[random.below(from.length)]
  if (base === undefined) throw new Error('no handshakes to mutate')
  let { parts } = base
  // messages lost, doubled or out of order
  if (random.chance(0.1)) parts = parts.filter(() => random.chance(0.8))
  if (random.chance(0.05)) parts = parts.toReversed()
  if (random.chance(0.05)) parts = [...parts, ...parts]
  let bytes: Buffer = Buffer.concat(parts)
  const names = []
  for (let rounds = 1 + random.below(3); rounds > 0 && bytes.length > 0; rounds--) {
    const mutation = random.pick(MUTATIONS)
    names.push(mutation.name)
    bytes = mutation(Buffer.from(bytes), random)
  }
  const mode = random.chance(0.8)
    ? 'whole'
    : random.pick<Mode>(
        bytes.length < 300 ? ['split', 'drip', 'reset', 'vanish'] : ['split', 'reset', 'vanish'],
      )
  return { bytes, mode, origin: `${base.name}: ${names.join(', ')}` }
}
