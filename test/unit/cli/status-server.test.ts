// The status address beside askers that say nothing.
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import t from 'tap'
import { startStatusServer } from '../../../src/cli/status-server.js'
import { until } from '../../support/until.js'
import { page } from './running.js'

void t.test('who connects and says nothing keeps others from asking for a few seconds only', async (t) => {
  const server = await startStatusServer(
    { listen: { address: '127.0.0.1', port: 0 } },
    new Registry(),
    () => ({}),
  )
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

void t.test('it is asked by an IP address, as localhost, or by a name of the configuration', async (t) => {
  const listen = { address: '127.0.0.1', port: 0 }
  const user = '\u202e\u009b'
  const server = await startStatusServer({ listen, names: ['Router.lan'] }, new Registry(), () => ({ user }))
  t.teardown(() => server.close())
  const { port } = server.address
  const codeFor = async (host: string) => (await page(port, '/healthz', 'GET', host)).code
  for (const host of ['localhost', '127.0.0.1', '192.168.1.1', '[::1]', '[2001:db8::1]', 'router.LAN']) {
    t.equal(await codeFor(host), 200, host)
    t.equal(await codeFor(`${host}:${port}`), 200, `${host}:${port}`)
  }
  for (const host of ['router', 'x.router.lan', 'router.lan.evil.example', '1.2.3.4.evil.example', '[x]']) {
    t.equal(await codeFor(host), 403, host)
  }
  const { text } = await page(port, '/status')
  t.notMatch(text, /[\u202e\u009b]/, 'names of strangers turn no terminal over')
  t.strictSame(JSON.parse(text), { user })
})
