// The status address beside askers that say nothing.
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import t from 'tap'
import { startStatusServer } from '../../../src/cli/status-server.js'
import { until } from '../../support/until.js'
import { page } from './running.js'

void t.test('who connects and says nothing keeps others from asking for a few seconds only', async (t) => {
  const server = await startStatusServer({ listen: { address: '127.0.0.1', port: 0 } }, new Registry(), () => ({}))
  t.teardown(() => server.close())
  const { port } = server.address
  let closed = 0
  for (let n = 0; n < 100; n++) {
    const socket = connect(port, '127.0.0.1').resume()
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => closed++)
  }
  await until('all but a few are turned away at once', () => (closed >= 80 ? undefined : `${closed} closed`))
  await until('somebody may ask', async () => {
    const answer = await page(port, '/healthz').catch((error: unknown) => ({ code: String(error) }))
    return answer.code === 200 ? undefined : String(answer.code)
  })
  await until('the silent ones are gone', () => (closed === 100 ? undefined : `${closed} closed`))
  t.equal((await page(port, '/healthz')).code, 200, 'and somebody may ask still')
})
