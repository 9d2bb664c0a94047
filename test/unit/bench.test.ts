import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { parseWrk } from '../../bench/http.js'
import { buildTools, bulk, serve, storm } from '../../bench/load.js'
import { ratio, show, summarise } from '../../bench/stats.js'

void t.test('median and range, whatever the order', (t) => {
  t.same(summarise([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(summarise([10, 9, 100, 8]), { median: 9.5, min: 8, max: 100 })
  t.same(summarise([7]), { median: 7, min: 7, max: 7 })
  t.throws(() => summarise([]), RangeError)
  t.end()
})

void t.test('ratio: of the medians, ranged over the rounds', (t) => {
  t.same(ratio([1, 2, 3], [4, 4, 2]), { median: 0.5, min: 0.25, max: 1.5 })
  t.throws(() => ratio([1], [1, 2]), /as many rounds/)
  t.equal(show(ratio([1, 2, 3], [4, 4, 2]), 2), '0.50 (0.25–1.50)')
  t.end()
})

void t.test("wrk's report", (t) => {
  const text = `  Latency Distribution
     50%  850.00us
     75%    1.02ms
     99%   18.77ms
  135000 requests in 2.00s, 30.1MB read
  Socket errors: connect 0, read 2, write 1, timeout 0
  Non-2xx or 3xx responses: 4
Requests/sec:  67189.12
`
  t.same(parseWrk(text), { requests: 135000, rate: 67189.12, p50: 0.85, p99: 18.77, failures: 7 })
  t.throws(() => parseWrk('unable to connect'), /cannot read/)
  t.end()
})

/** A relay that is not ours and counts what it carries: what the load tool says is held against it. */
async function countingRelay(target: number) {
  const carried = { connections: 0, up: 0, down: 0 }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    carried.connections++
    const remote = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    client.on('data', (chunk: Buffer) => (carried.up += chunk.length))
    remote.on('data', (chunk: Buffer) => (carried.down += chunk.length))
    client.pipe(remote).pipe(client)
    client.on('error', () => remote.destroy())
    remote.on('error', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.close()
    await once(server, 'close')
  }
  return { port, carried, close }
}

void t.test('the load tool moves the bytes it says', async (t) => {
  const tools = await buildTools(t.testdir())
  const bytes = 6_000_000

  for (const direction of ['up', 'down'] as const) {
    const far = await serve(tools, direction === 'up' ? { sink: bytes / 3 } : { source: bytes / 3 })
    const relay = await countingRelay(far.port)
    try {
      const result = await bulk(tools, { port: relay.port, mptcp: false }, direction, bytes, 3)
      t.equal(result.bytes, bytes, `${direction}: what it says`)
      t.ok(result.seconds > 0)
      await relay.close()
      // upwards, the sink answers each of the three streams with a count of eight bytes
      const counts = direction === 'up' ? { up: bytes, down: 24 } : { up: 0, down: bytes }
      t.same(relay.carried, { connections: 3, ...counts }, `${direction}: what went through`)
    } finally {
      await far.program.stop()
    }
  }
})

void t.test('the load tool counts connections and failures', async (t) => {
  const tools = await buildTools(t.testdir())
  const far = await serve(tools, 'echo')
  const relay = await countingRelay(far.port)
  try {
    const good = await storm(tools, { port: relay.port, mptcp: false }, 50, 8)
    t.match(good, { connections: 50, failures: 0, failure: '' })
    await relay.close()
    t.match(relay.carried, { connections: 50, up: 50, down: 50 })
    const refused = await storm(tools, { port: relay.port, mptcp: false }, 20, 8)
    t.match(refused, { connections: 0, failures: 20, failure: /refused/ })
  } finally {
    await far.program.stop()
  }
})

void t.test('a connection that fell back is not measured as MPTCP', async (t) => {
  const tools = await buildTools(t.testdir())
  const far = await serve(tools, { sink: 1000 })
  try {
    await t.rejects(bulk(tools, { port: far.port, mptcp: true }, 'up', 1000, 1), /speaks TCP/)
  } finally {
    await far.program.stop()
  }
})
