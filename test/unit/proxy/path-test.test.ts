// The far end of a path test over loopback: what it tells, and what it refuses.
import t from 'tap'
import { detectKernel } from '../../../src/kernel/detect.js'
import { Cancel } from '../../../src/net/cancel.js'
import { connect } from '../../../src/net/dial.js'
import { readFrame } from '../../../src/paths/path-test-frames.js'
import {
  decodeAnswer,
  encodeQuestion,
  encodeVersion,
  FRAME_LENGTH,
  MAX_ROUNDS,
} from '../../../src/paths/path-test-protocol.js'
import { until } from '../../support/until.js'
import { Talker, testHost } from './host.js'

const PATH_TEST = { type: 'path-test' }

async function answerTo(talker: Talker, round: number) {
  return decodeAnswer(Buffer.from(await talker.take(FRAME_LENGTH), 'hex'), round)
}

void t.test('a TCP client is told what it is, round by round', async (t) => {
  const { ports, records } = await testHost(t, PATH_TEST)
  const talker = await Talker.to(t, ports[0] ?? 0)
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    talker.send(encodeQuestion(round))
    const found = await answerTo(talker, round)
    t.match(found, { accepted: 'tcp', now: 'tcp', subflows: 1 })
    t.strictSame(found.seen, { address: '127.0.0.1', port: talker.socket.localPort })
  }
  talker.socket.end()
  t.equal(await talker.rest(), '', 'and no more')
  t.match(await records(1), [{ service: 'path-test', outcome: 'eof', client: { protocol: 'tcp' } }])
})

void t.test('an MPTCP client is told that it is one', async (t) => {
  const { ports, records } = await testHost(t, PATH_TEST)
  const kernel = detectKernel()
  const at = { address: '127.0.0.1', port: ports[0] ?? 0 }
  const client = await connect(kernel, at, { transport: 'mptcp' }, new Cancel())
  t.teardown(() => client.close())
  await client.write(encodeQuestion(1))
  const frame = await readFrame(client)
  const found = decodeAnswer(frame ?? Buffer.alloc(0), 1)
  const { protocol } = kernel.verdict(client.fd, client.origin)
  t.match(found, { listener: { protocol }, accepted: protocol, now: protocol, subflows: 1 })
  client.close()
  t.match(await records(1), [{ outcome: 'eof', client: { protocol } }])
})

void t.test('a question may come in pieces, and the answer waits for its last byte', async (t) => {
  const { ports } = await testHost(t, PATH_TEST)
  const talker = await Talker.to(t, ports[0] ?? 0)
  const question = encodeQuestion(1)
  talker.send(question.subarray(0, 1)).send(question.subarray(1, -1))
  await until('the pieces are sent', () =>
    talker.socket.writableLength === 0 ? undefined : `${talker.socket.writableLength} bytes to go`,
  )
  t.equal(talker.arrived, '')
  talker.send(question.subarray(-1))
  t.match(await answerTo(talker, 1), { round: 1 })
})

void t.test('another version hears which one is spoken here', async (t) => {
  const { ports } = await testHost(t, PATH_TEST)
  const talker = await Talker.to(t, ports[0] ?? 0)
  talker.send(Buffer.from('{"pathTest":9}'.padEnd(FRAME_LENGTH - 1) + '\n'))
  t.equal(await talker.take(FRAME_LENGTH), encodeVersion().toString('hex'))
})

void t.test('anything else is answered by nothing', async (t) => {
  const { ports, records } = await testHost(t, PATH_TEST)
  const port = ports[0] ?? 0
  const stranger = await Talker.to(t, port)
  stranger.send(Buffer.from('GET / HTTP/1.1\r\n'.padEnd(FRAME_LENGTH)))
  t.match(await stranger.rest(), /^(reset)?$/)
  const half = await Talker.to(t, port)
  half.send(encodeQuestion(1).subarray(1)).socket.end()
  t.match(await half.rest(), /^(reset)?$/)
  const greedy = await Talker.to(t, port)
  for (let n = 0; n < MAX_ROUNDS; n++) greedy.send(encodeQuestion(1))
  await greedy.take(MAX_ROUNDS * FRAME_LENGTH)
  greedy.send(encodeQuestion(1))
  t.match(await greedy.rest(), /^(reset)?$/)
  for (const record of await records(3)) {
    t.match(record, { outcome: 'handshake', error: /path test|within a message|more than 4 questions/ })
  }
})

void t.test('limits, time and the end of the service', async (t) => {
  const limits = { connections: 3, perSource: 2 }
  const { ports, records, host } = await testHost(
    t,
    { ...PATH_TEST, limits },
    { ...PATH_TEST, timeouts: { test: '100ms' } },
  )
  const talkers = await Promise.all(
    ['127.0.0.1', '127.0.0.1', '127.0.0.2'].map((from) => Talker.to(t, ports[0] ?? 0, from)),
  )
  for (const each of talkers) await answerTo(each.send(encodeQuestion(1)), 1)
  const fourth = await Talker.to(t, ports[0] ?? 0, '127.0.0.3')
  const busy = Buffer.from(await fourth.send(encodeQuestion(1)).rest(), 'hex')
  t.equal(busy.length, FRAME_LENGTH, 'never longer than the question')
  t.throws(() => decodeAnswer(busy, 1), { message: /as many tests as it takes/ })

  const slow = await Talker.to(t, ports[1] ?? 0)
  t.match(await slow.rest(), /^(reset)?$/)
  t.match(await records(1), [{ error: 'the test did not end within 100 ms' }])

  await host.stop()
  for (const each of talkers) t.match(await each.rest(), /^(reset)?$/)
  for (const record of (await records(4)).slice(1)) t.equal(record.error, 'the service is stopping')
})
