/**
 * Records of sessions on a machine made to look like the out-of-tree kernel, which has nothing to tell
 * of a connection that is over: asked too late, every session was an error without a byte.
 */
import { createServer, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PEER } from '../../support/out-of-tree.js'
import { bootedOutOfTree } from '../../support/preload.js'
import { start, type Command } from '../../support/process.js'

interface Side {
  protocol: string
  subflows?: { local: string; remote: string; sent?: number; received?: number }[]
}
interface Ended {
  outcome: string
  error?: string
  up: number
  down: number
  client: Side
  remote: Side
}

/** A server on the peer's address, and `mptk` in front of it; both sides of a session speak MPTCP. */
async function relaying(t: Test): Promise<{ command: Command; exchange: () => Promise<[Socket, Socket]> }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, PEER)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const service = {
    ...{ type: 'reverse-tcp', listen: '127.0.0.1:0', target: `${PEER}:${address.port}` },
    egress: { transport: 'mptcp' },
  }
  // YAML reads JSON
  const text = JSON.stringify({ services: [service], log: { format: 'json' } })
  const file = join(t.testdir({ 'mptk.yaml': text }), 'mptk.yaml')
  const env = bootedOutOfTree(t).env('out-of-tree', { FAKE_MPTCP_PEERS: PEER })
  const command = start(t, ['run', '--config', file], { env })
  const { port } = await command.addressOf('reverse-tcp')
  return {
    command,
    async exchange() {
      const connection = once(server, 'connection')
      const client = connect({ host: '127.0.0.1', port, localAddress: PEER, allowHalfOpen: true })
      client.write('question')
      const [served] = (await connection) as [Socket]
      // one that is broken off by the other end is none of the test's
      served.on('error', () => undefined)
      await once(served, 'data')
      served.write('the answer')
      await once(client, 'data')
      return [client, served]
    },
  }
}

void t.test('sessions over connections that tell nothing once they are over', async (t) => {
  const { command, exchange } = await relaying(t)
  let sessions = 0
  const nextRecord = async (): Promise<Ended> => {
    const pattern = new RegExp(`"session":${++sessions},.*"msg":"session ended"`)
    const { input } = await command.stderr.find(pattern)
    return JSON.parse(input) as Ended
  }

  for (const first of ['the client', 'the server'] as const) {
    await t.test(`${first} ends first`, async (t) => {
      const [client, server] = await exchange()
      const [one, other] = first === 'the client' ? [client, server] : [server, client]
      one.end()
      other.resume()
      await once(other, 'end')
      other.end()
      one.resume()
      const record = await nextRecord()
      t.match(record, { outcome: 'eof', up: 8, down: 10 })
      t.equal(record.error, undefined)
      for (const [side, least] of [
        [record.client, 8],
        [record.remote, 10],
      ] as const) {
        t.equal(side.protocol, 'mptcp')
        t.equal(side.subflows?.length, 2, 'both of them, heard of before the end')
        // TCP counts the end of a stream as a byte
        t.ok((side.subflows?.[0]?.received ?? 0) >= least)
      }
    })
  }

  await t.test('broken off: what was known is in the record', async (t) => {
    const [client] = await exchange()
    client.resetAndDestroy()
    const record = await nextRecord()
    t.match(record, { outcome: 'reset', up: 8, down: 10, client: { protocol: 'mptcp' } })
  })
})
