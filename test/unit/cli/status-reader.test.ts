import t from 'tap'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import { startStatusServer } from '../../../src/cli/status-server.js'
import { until } from '../../support/until.js'

const descriptors = (): number => readdirSync('/proc/self/fd').length

void t.test('clients of the status address that say or read nothing are closed', async (t) => {
  /** More than the kernel takes for a client that does not read. */
  const long = { text: 'x'.repeat(32 * 1024 * 1024) }
  const at = { listen: { address: '127.0.0.1', port: 0 } }
  const status = await startStatusServer(at, new Registry(), () => long, 500)
  t.teardown(() => status.close())
  const open = async (words: string) => {
    const socket = connect(status.address.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    if (words !== '') socket.write(words)
    return socket
  }
  const question = 'GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
  for (const words of ['', 'GET /status HT', question]) {
    const before = descriptors()
    const socket = await open(words)
    if (words === question) {
      // the answer has begun, and nothing is read before the server has had enough
      await once(socket, 'readable')
      await until('the server', () => (descriptors() <= before + 1 ? undefined : 'open'))
    }
    let length = 0
    socket.on('data', (bytes: Buffer) => (length += bytes.length))
    await once(socket, 'close')
    t.ok(length < long.text.length, `${JSON.stringify(words)}: closed after ${length} bytes`)
  }
  const reader = await open(question.replace('Host', 'Connection: close\r\nHost'))
  let length = 0
  for await (const bytes of reader) length += (bytes as Buffer).length
  t.ok(length > long.text.length, 'whoever reads has all')
})
