import t from 'tap'
import {
  clientMessage,
  flowsOf,
  parseMessage,
  serverMessage,
  shareOf,
  streamIds,
  testPlan,
  type TestPlan,
} from '../../../mininet/perf/messages.js'
import {
  decodeMessage,
  decodePreamble,
  encodeMessage,
  encodePreamble,
  PREAMBLE_LENGTH,
  PROTOCOL_VERSION,
} from '../../../mininet/perf/protocol.js'

const TOKEN = '00112233445566778899aabbccddeeff'

const PLAN: TestPlan = {
  direction: 'bidir',
  streams: 3,
  bytes: 11,
  omit: 0,
  interval: 1,
  blockSize: 131_072,
}

void t.test('preamble', (t) => {
  const control = encodePreamble('control')
  t.equal(control.length, PREAMBLE_LENGTH)
  t.equal(control.toString('latin1', 0, 4), 'mptk')
  const version = PROTOCOL_VERSION
  t.strictSame(decodePreamble(control), { version, kind: 'control', stream: 0, token: '0'.repeat(32) })
  for (const kind of ['data', 'latency'] as const) {
    const decoded = decodePreamble(encodePreamble(kind, 513, TOKEN))
    t.strictSame(decoded, { version, kind, stream: 513, token: TOKEN })
  }
  for (const [at, value] of [
    [0, 0x47],
    [3, 0],
    [5, 3],
    [5, 255],
  ] as const) {
    const wrong = encodePreamble('data', 1, TOKEN)
    wrong[at] = value
    t.throws(() => decodePreamble(wrong), { code: 'MPTK_PERF' }, `byte ${at} is ${value}`)
  }
  const other = encodePreamble('control')
  other[4] = 9
  t.match(decodePreamble(other), { version: 9 }, 'another version is read, to be answered')
  t.end()
})

void t.test('messages, whatever way they are cut', (t) => {
  const message = { type: 'error', message: 'viel Glück ✓' }
  const bytes = Buffer.concat([encodeMessage(message), encodeMessage({ type: 'started' })])
  const first = encodeMessage(message).length
  for (let length = 0; length < bytes.length; length++) {
    const decoded = decodeMessage(bytes.subarray(0, length), 1000)
    if (length < first) t.equal(decoded, undefined, `${length} bytes are too few`)
    else t.strictSame(decoded, { value: message, length: first })
  }
  t.strictSame(decodeMessage(bytes.subarray(first), 1000)?.value, { type: 'started' })
  t.end()
})

void t.test('what is no message', (t) => {
  const http = Buffer.from('HTTP/1.1 400 Bad Request\r\n')
  t.throws(() => decodeMessage(http, 1 << 24), { code: 'MPTK_PERF', message: /does not speak/ })
  const bytes = encodeMessage({ type: 'started' })
  t.throws(() => decodeMessage(bytes, bytes.length - 5), { code: 'MPTK_PERF' }, 'longer than the limit')
  bytes[6] = 0
  t.throws(() => decodeMessage(bytes, 1000), { code: 'MPTK_PERF', message: /does not speak/ }, 'no JSON')
  for (const value of [null, 7, {}, { type: 'dance' }, { type: 'end' }, { type: 'end', interrupted: 1 }]) {
    t.throws(() => parseMessage(clientMessage, value), { code: 'MPTK_PERF' }, JSON.stringify(value))
  }
  t.throws(() => parseMessage(serverMessage, { type: 'accepted', token: 'zz' }), { code: 'MPTK_PERF' })
  t.strictSame(parseMessage(serverMessage, { type: 'started' }), { type: 'started' })
  t.strictSame(
    parseMessage(serverMessage, { type: 'started', at: 7 }),
    { type: 'started' },
    'what a later server says beside it does not count',
  )
  t.throws(() => parseMessage(clientMessage, { type: 'end', interrupted: false, why: 'no time' }), {
    code: 'MPTK_PERF',
  })
  t.end()
})

void t.test('plans that are taken and that are not', (t) => {
  t.ok(testPlan.safeParse(PLAN).success)
  const idle: TestPlan = { ...PLAN, streams: 0, duration: 5, latency: { size: 64 } }
  delete idle.bytes
  t.ok(testPlan.safeParse(idle).success, 'latency alone')
  for (const [what, change] of Object.entries({
    'both ends': { duration: 1 },
    'no end': { bytes: undefined },
    'too many streams': { streams: 129 },
    'half a stream': { streams: 1.5 },
    'no stream and nothing else': { streams: 0 },
    'negative bytes': { bytes: -1 },
    'an interval of nothing': { interval: 0 },
    'a block of nothing': { blockSize: 0 },
    'a name that is none': { congestion: 'a b' },
    'a direction of its own': { direction: 'sideways' },
    'an unknown key': { colour: 'red' },
    'endless omission': { omit: Infinity },
  })) {
    t.notOk(testPlan.safeParse({ ...PLAN, ...change }).success, what)
  }
  t.end()
})

void t.test('who sends how much', (t) => {
  t.strictSame(flowsOf(PLAN), ['forward', 'reverse'])
  t.strictSame(streamIds(PLAN, 'forward'), [1, 2, 3])
  t.strictSame(streamIds(PLAN, 'reverse'), [4, 5, 6])
  t.strictSame(
    [0, 1, 2].map((place) => shareOf(PLAN, place)),
    [4, 4, 3],
    'the shares add up',
  )
  const reverse = { ...PLAN, direction: 'reverse' as const }
  t.strictSame(streamIds(reverse, 'forward'), [])
  t.strictSame(streamIds(reverse, 'reverse'), [1, 2, 3])
  t.strictSame(flowsOf({ ...PLAN, streams: 0 }), [])
  const timed: TestPlan = { ...PLAN, duration: 1 }
  delete timed.bytes
  t.equal(shareOf(timed, 0), undefined)
  t.end()
})
