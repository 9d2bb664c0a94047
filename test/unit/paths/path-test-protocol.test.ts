import t from 'tap'
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  encodeVersion,
  FRAME_LENGTH,
  MAX_ROUNDS,
  type Answer,
} from '../../../src/paths/path-test-protocol.js'
import { Random } from '../../support/random.js'

const ANSWER: Answer = {
  pathTest: 1,
  round: 2,
  listener: { protocol: 'tcp', reason: 'net.mptcp.enabled is 0 in this network namespace' },
  seen: { address: '2001:db8::1', port: 65535 },
  accepted: 'mptcp',
  now: 'tcp',
  subflows: 2,
  counters: { syn: 4, lostAtAck: 0, lostLater: 1 },
}
const FOREIGN = { code: 'MPTK_PATH_TEST', message: /does not speak the protocol/ }

/** A frame around any text. */
function frame(text: string): Buffer {
  return Buffer.from(`${text}${' '.repeat(FRAME_LENGTH - 1 - Buffer.byteLength(text))}\n`)
}

void t.test('questions and answers come back as they were', (t) => {
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    t.strictSame(decodeQuestion(encodeQuestion(round)), { pathTest: 1, round })
  }
  t.strictSame(decodeAnswer(encodeAnswer(ANSWER), 2), ANSWER)
  t.equal(encodeAnswer(ANSWER).length, encodeQuestion(2).length, 'an answer is no longer than its question')
  t.end()
})

void t.test('the longest answer fits', (t) => {
  const answer: Answer = {
    ...ANSWER,
    listener: { protocol: 'tcp', reason: '€'.repeat(200) },
    seen: { address: 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', port: 65535 },
    counters: { syn: 2 ** 53 - 1, lostAtAck: 2 ** 53 - 1, lostLater: 2 ** 53 - 1 },
  }
  t.strictSame(decodeAnswer(encodeAnswer(answer), 2), answer)
  t.end()
})

void t.test('another version is told apart from another protocol', (t) => {
  t.equal(decodeQuestion(frame('{"pathTest":2,"anything":[1]}')), 'other version')
  t.throws(() => decodeAnswer(frame('{"pathTest":2}'), 1), {
    code: 'MPTK_PATH_TEST',
    message: 'the far end speaks version 2 of the path test and not 1',
  })
  t.throws(() => decodeAnswer(encodeVersion(), 1), FOREIGN, 'our own version and nothing else is no answer')
  t.end()
})

void t.test('what is no question is refused', (t) => {
  const frames = [
    Buffer.alloc(0),
    Buffer.alloc(FRAME_LENGTH),
    encodeQuestion(1).subarray(1),
    Buffer.concat([encodeQuestion(1), Buffer.from('\n')]),
    ...['{', '[]', 'null', '{"pathTest":"1","round":1}', '{"pathTest":1}', '{"pathTest":1,"round":0}'].map(
      frame,
    ),
    frame('{"pathTest":1,"round":1.5}'),
    frame(`{"pathTest":1,"round":${MAX_ROUNDS + 1}}`),
    frame('{"pathTest":1,"round":1,"more":1}'),
  ]
  for (const each of frames) t.throws(() => decodeQuestion(each), FOREIGN, each.toString('utf8', 0, 40))
  t.end()
})

void t.test('what a later far end says beside it does not count', (t) => {
  const later = {
    ...ANSWER,
    more: true,
    listener: { ...ANSWER.listener, since: 1 },
    seen: { ...ANSWER.seen, zone: 'eth0' },
    counters: { ...ANSWER.counters, resets: 3 },
  }
  t.strictSame(decodeAnswer(frame(JSON.stringify(later)), 2), ANSWER)
  t.end()
})

void t.test('what is no answer is refused', (t) => {
  const wrong: Record<string, unknown>[] = [
    { ...ANSWER, round: 1 },
    { ...ANSWER, listener: { protocol: 'tcp', reason: '\u001b[2J' } },
    { ...ANSWER, listener: { protocol: 'tcp', reason: 'x'.repeat(201) } },
    { ...ANSWER, seen: { address: 'localhost', port: 1 } },
    { ...ANSWER, seen: { address: '10.0.0.1', port: 65536 } },
    { ...ANSWER, now: 'sctp' },
    { ...ANSWER, subflows: -1 },
    { ...ANSWER, counters: { syn: 1, lostAtAck: -1, lostLater: 0 } },
  ]
  for (const each of wrong) {
    const text = JSON.stringify(each)
    t.throws(() => decodeAnswer(frame(text), 2), FOREIGN, text)
  }
  t.end()
})

void t.test('mutations are understood or refused, never anything else', (t) => {
  const random = new Random(5211)
  let understood = 0
  for (let n = 0; n < 20_000; n++) {
    const question = encodeQuestion(1 + random.below(MAX_ROUNDS))
    const answer = encodeAnswer(ANSWER)
    for (const each of [question, answer]) {
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        each[random.below(200)] = random.below(256)
      }
    }
    for (const decode of [() => decodeQuestion(question), () => decodeAnswer(answer, 2)]) {
      try {
        decode()
        understood++
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'MPTK_PATH_TEST')) throw error
      }
    }
  }
  t.ok(understood > 0, 'a digit of a number may change')
  t.end()
})
