// One repetition over loopback: against the real far end, and against ones that are something else.
import t from 'tap'
import { detectKernel } from '../../../src/kernel/detect.js'
import { attempt } from '../../../src/paths/path-attempt.js'
import { encodeVersion, FRAME_LENGTH } from '../../../src/paths/path-test-protocol.js'
import { judge, type Sight } from '../../../src/paths/path-verdict.js'
import { closedPort, server, testHost } from '../proxy/host.js'

const kernel = detectKernel()

function attemptTo(port: number, signal = new AbortController().signal): Promise<Sight> {
  const to = { address: '127.0.0.1', port }
  return attempt({ kernel, to, wish: { source: '127.0.0.1' }, mptcpLimit: 2500, signal })
}

void t.test('the far end that it was made for', async (t) => {
  const { ports, records } = await testHost(t, { type: 'path-test' })
  const sight = await attemptTo(ports[0] ?? 0)
  t.equal(judge(sight), 'passes')
  t.match(sight.tcp, { stayed: true, answer: { seen: { address: '127.0.0.1' } } })
  t.strictSame(
    sight.mptcp.answers.map(({ round }) => round),
    [1, 2, 3],
  )
  t.ok((sight.tcp.rtt ?? 0) > 0 && (sight.mptcp.rtt ?? 0) > 0, 'both handshakes have a time')
  for (const { outcome } of await records(2)) t.equal(outcome, 'eof', 'left in good order')
})

void t.test('a far end that is none', async (t) => {
  const others: [what: string, port: number, error: RegExp][] = [
    [
      'sends back what it gets',
      await server(t, (socket) => socket.pipe(socket)),
      /protocol of the path test/,
    ],
    [
      'hangs up',
      await server(t, (socket) => socket.on('data', () => socket.end())),
      /closed the connection|RESET/,
    ],
    ['resets', await server(t, (socket) => socket.on('data', () => socket.resetAndDestroy())), /RESET/],
    [
      'says too little',
      await server(t, (socket) => socket.end('{"pathTest":1}\n')),
      /within a message|RESET/,
    ],
    [
      'talks without end',
      await server(t, (socket) => socket.write('x'.repeat(4 * FRAME_LENGTH))),
      /protocol/,
    ],
    [
      'is of this version and says nothing',
      await server(t, (socket) => socket.write(encodeVersion())),
      /protocol/,
    ],
  ]
  for (const [what, port, error] of others) {
    const sight = await attemptTo(port)
    t.equal(judge(sight), 'no-answer', what)
    t.match(sight.tcp.error, error, what)
    t.strictSame(sight.mptcp.answers, [], `${what}: and is not asked again`)
  }
  t.equal(judge(await attemptTo(await closedPort())), 'no-tcp', 'nobody listens')
})

void t.test('the signal ends it in whatever it does', async (t) => {
  const stop = new AbortController()
  // never answers
  const port = await server(t, (socket) => socket.on('data', () => stop.abort(new Error('enough'))))
  await t.rejects(attemptTo(port, stop.signal), { message: 'enough' })
  await t.rejects(attemptTo(port, stop.signal), { message: 'enough' }, 'also before it began')
})
