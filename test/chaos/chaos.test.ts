// measures alone
/**
 * Many transfers of random sizes at once, with half-closes in every order, slow readers, and
 * either end breaking off at any byte, by each way through the proxies:
 *
 *   chain    test ─TCP─▶ client's SOCKS5 ══MPTCP══▶ proxy's SOCKS5 ─TCP─▶ test
 *   straight test ─TCP─▶ proxy's SOCKS5 ─TCP─▶ test
 *   reverse  test ─TCP─▶ reverse proxy ─TCP─▶ test
 */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { SessionRecord } from '../../proxy/session.js'
import { startProxy, type BuiltProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { Random, seedOf } from '../support/random.js'
import { socks5Dial } from '../support/socks5-dial.js'
import { until } from '../support/until.js'
import { ChaosServer, runLoad, type Finished, type Opener } from './load.js'
import { Payload } from './payload.js'
import { drawTransfer } from './plan.js'
import { recordFaults, transferFaults } from './verify.js'

const PARALLEL = 200
const LARGEST = 8 * 1024 * 1024
const SMALL = 4 * 1024
/**
 * Memory may grow so much from one look to the next, bytes: what heap and arenas were seen to
 * waver by. Between the looks are 3,600 sessions of the proxy and 1,200 of the client.
 */
const GROWTH = 4 * 1024 * 1024
/** For a handshake among {@link PARALLEL}, each of which moves megabytes. */
const PATIENCE = '2m'
const PORTS = { client: 1080, proxy: 1081, reverse: 1082, clientStatus: 9400, proxyStatus: 9401 }

interface Way {
  name: string
  open: Opener
  /** The proxies on the way, each with the service that has the sessions and how to find a transfer's record. */
  hops: {
    proxy: BuiltProxy
    service: string
    isOf: (record: SessionRecord, finished: Finished) => boolean
    mptcp?: 'client' | 'remote'
  }[]
}

/** Every transfer has a destination address of its own, by which records are told apart. */
function destination(id: number): string {
  return `127.64.${(id >> 8) & 255}.${id & 255}`
}

async function startBoth(t: Test, port: number): Promise<{ client: BuiltProxy; proxy: BuiltProxy }> {
  const rules = [{ allow: { destinations: '127.64.0.0/16' } }]
  const timeouts = { handshake: PATIENCE, dial: PATIENCE }
  const proxy = await startProxy(t, {
    services: [
      {
        type: 'socks5',
        listen: `127.0.0.1:${PORTS.proxy}`,
        users: { alice: { password: 'secret' } },
        rules,
        timeouts,
      },
      { type: 'reverse-tcp', listen: `127.0.0.1:${PORTS.reverse}`, target: `127.0.0.1:${port}`, timeouts },
    ],
    statusPort: PORTS.proxyStatus,
  })
  const upstream = {
    type: 'socks5',
    address: `127.0.0.1:${PORTS.proxy}`,
    username: 'alice',
    password: 'secret',
    mptcp: 'required',
    connectTimeout: PATIENCE,
  }
  const client = await startProxy(t, {
    services: [
      { type: 'socks5', listen: `127.0.0.1:${PORTS.client}`, transport: 'tcp', rules, upstream, timeouts },
    ],
    statusPort: PORTS.clientStatus,
  })
  return { client, proxy }
}

function ways({ client, proxy }: { client: BuiltProxy; proxy: BuiltProxy }, port: number): Way[] {
  const byDestination = (record: SessionRecord, { transfer }: Finished): boolean =>
    record.destination === `${destination(transfer.id)}:${port}`
  const atProxy = { proxy, service: 'socks5', isOf: byDestination }
  const user = { name: 'alice', password: 'secret' }
  return [
    {
      name: 'chain over MPTCP',
      open: ({ id }, early) => socks5Dial({ proxyPort: PORTS.client, host: destination(id), port, early }),
      hops: [
        { proxy: client, service: 'socks5', isOf: byDestination, mptcp: 'remote' },
        { ...atProxy, mptcp: 'client' },
      ],
    },
    {
      name: 'straight',
      open: ({ id }, early) =>
        socks5Dial({ proxyPort: PORTS.proxy, host: destination(id), port, early, user }),
      hops: [atProxy],
    },
    {
      name: 'reverse',
      async open(_transfer, early) {
        const socket = connect({ port: PORTS.reverse, host: '127.0.0.1', allowHalfOpen: true })
        await once(socket, 'connect')
        socket.write(early)
        return socket
      },
      hops: [
        {
          proxy,
          service: 'reverse-tcp',
          isOf: (record, { clientAddress }) => record.client.address === clientAddress,
        },
      ],
    },
  ]
}

/** One way's transfers at once; everything about them and their records is checked. */
async function checkWay(t: Test, way: Way, world: World, largest: number): Promise<void> {
  const { server, payload, random, proxies } = world
  const transfers = Array.from({ length: PARALLEL }, () => drawTransfer(random, ++world.lastId, largest))
  for (const { proxy } of proxies) proxy.records.length = 0
  const all = await runLoad(server, transfers, way.open, payload)

  const faults = all.flatMap((each) => transferFaults(each, payload))
  t.strictSame(faults, [], 'every byte that arrived is right, every finished transfer is complete')
  for (const { proxy, before } of proxies) await proxy.settled(before)
  t.pass('no session in progress, no descriptor left')

  for (const { proxy, service, isOf, mptcp } of way.hops) {
    await until('the records are written', () =>
      proxy.records.length < PARALLEL ? `${proxy.records.length} records` : undefined,
    )
    const records = proxy.records.filter((record) => record.service === service)
    t.equal(records.length, PARALLEL, 'a record for each session')
    const wrong = all.flatMap((each) =>
      recordFaults(
        each,
        records.filter((record) => isOf(record, each)),
      ),
    )
    t.strictSame(wrong, [], 'the records count what the peers counted')
    if (mptcp === undefined) continue
    const spoken = new Set(records.map((record) => record[mptcp]?.protocol))
    t.strictSame([...spoken], ['mptcp'], `the ${mptcp} side spoke MPTCP`)
  }
  const whole = all.filter(({ transfer }) => transfer.cut === undefined)
  t.ok(whole.length > 0 && whole.length < PARALLEL, 'some transfers finished, some were broken off')
  const moved = all.reduce((sum, { client }) => sum + client.sent + client.received, 0)
  t.comment(`${whole.length} of ${PARALLEL} finished, ${Math.round(moved / 1e6)} MB`)
}

interface World {
  server: ChaosServer
  payload: Payload
  random: Random
  proxies: { proxy: BuiltProxy; before: Record<string, number> }[]
  lastId: number
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('chaos', async (t) => {
    const seed = seedOf(20_261)
    t.comment(`seed ${seed}`)
    const random = new Random(seed)
    const payload = new Payload(random)
    const server = new ChaosServer(payload)
    const port = await server.listen()
    t.teardown(() => server.close())
    const both = await startBoth(t, port)
    const proxies = Object.values(both).map((proxy) => ({ proxy, before: proxy.descriptors() }))
    const world: World = { server, payload, random, proxies, lastId: 0 }
    const everyWay = async (largest: number, times: number): Promise<void> => {
      for (let time = 1; time <= times; time++) {
        for (const way of ways(both, port)) {
          const name = `${way.name}, ${time} of ${times}, up to ${largest} bytes`
          await t.test(name, (t) => checkWay(t, way, world, largest))
        }
      }
    }

    // the first runs grow what any process grows: heap, arenas, caches
    await everyWay(LARGEST, 1)
    await everyWay(SMALL, 3)
    const middle = await Promise.all(proxies.map(({ proxy }) => proxy.memory()))
    await everyWay(LARGEST, 1)
    await everyWay(SMALL, 5)
    for (const [index, { proxy }] of proxies.entries()) {
      await proxy.memoryBelow((middle[index] ?? 0) + GROWTH)
      t.pass('memory is back to where it was')
      t.comment(`${middle[index] ?? 0} bytes in use then, ${await proxy.memory()} now`)
      t.strictSame(proxy.complaints, [], 'no warning, no error')
      t.match(await proxy.stop(), { code: 0, signal: null }, 'ends cleanly')
    }
  })
}
