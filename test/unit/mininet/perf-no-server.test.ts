/** The client of `mptk perf` and what is no server of it. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { encodeMessage } from '../../../mininet/perf/protocol.js'
import { PLAN, runAt } from '../../support/perf-local.js'

/** The client against something that is not our server. */
async function against(t: Test, behave: (socket: Socket) => void) {
  const server = createServer(behave)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  return runAt({ host: '127.0.0.1', port }, PLAN, { wish: { transport: 'tcp' } })
}

void t.test('the client and what is no server', async (t) => {
  const answer = (text: string | Buffer) => (socket: Socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(text))
  }
  t.match((await against(t, answer(''))).error, {
    code: 'MPTK_PERF',
    message: 'the server closed the connection',
  })
  t.match((await against(t, answer('HTTP/1.1 400 Bad Request\r\n\r\n'))).error, {
    code: 'MPTK_PERF',
    message: 'the peer does not speak the protocol of mptk perf',
  })
  t.match((await against(t, answer(encodeMessage({ type: 'started' })))).error, {
    message: /started out of turn/,
  })
  t.match((await against(t, answer(encodeMessage({ type: 'party' })))).error, { message: /not understood/ })
  const reset = await against(t, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.resetAndDestroy())
  })
  t.match(reset.error, { code: 'MPTK_PERF', message: /reset|ECONNRESET/ })
})

void t.test('nobody listens', async (t) => {
  const { error } = await runAt({ host: '127.0.0.1', port: 1 }, PLAN)
  t.match(error, { code: 'MPTK_PERF', message: /127\.0\.0\.1:1\b.*/ })
  t.match(error?.message, /ECONNREFUSED|refused/)
})
