/** Sessions whose other side takes nothing, and whose clients die with everything full: their memory comes back. */
import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { pino } from 'pino'
import { startHost } from '../../../src/cli/host.js'
import { checkConfig } from '../../../src/config/load.js'
import { native } from '../../../src/native.js'
import { watchHeldMemory } from '../../../src/net/held-memory.js'
import { inOwnNetwork } from '../../support/own-network.js'
import { until } from '../../support/until.js'
import { Loopback } from '../../unit/native/loopback.js'

const SESSIONS = 40
const MEBIBYTE = 1024 * 1024
/** What one source may hold in this test. */
const MOST = 8 * MEBIBYTE

/** Bytes of kernel memory in queues of this namespace's TCP sockets, orphans included. */
function queued(): number {
  const sockets = execFileSync('ss', ['-tnaH'], { encoding: 'utf8' }).trim().split('\n')
  return sockets
    .map((line) => line.split(/\s+/))
    .filter(([state]) => state !== 'LISTEN')
    .reduce((sum, [, received, sent]) => sum + Number(received) + Number(sent), 0)
}

/** A backend that accepts and never reads. */
function sink(t: Test): number {
  const { fd, at } = new Loopback(t).listener({ family: 4, protocol: 'tcp', receiveBuffer: 65_536 }, SESSIONS)
  native.listen(fd, SESSIONS)
  return at.port
}

/** Sends until nothing more is taken, by the relay either. */
async function fill(client: number): Promise<void> {
  const chunk = Buffer.alloc(256 * 1024)
  for (let quiet = 0; quiet < 20;) {
    const sent = native.send(client, chunk)
    quiet = sent > 0 ? 0 : quiet + 1
    if (sent <= 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function check(t: Test): Promise<void> {
  const service = {
    type: 'reverse-tcp',
    listen: '127.0.0.1:0',
    transport: 'tcp',
    target: `127.0.0.1:${sink(t)}`,
    receiveBuffer: 262_144,
    timeouts: { stalled: '1s', idle: 0, halfClosed: 0 },
    egress: { sendBuffer: 262_144 },
  }
  const records: { outcome?: string; error?: string }[] = []
  const log = pino({ base: null }, { write: (line: string) => records.push(JSON.parse(line) as object) })
  const host = await startHost(checkConfig({ services: [service] }, 'test'), log)
  t.teardown(() => host.stop())
  const { relay } = host.runtime
  const to = { address: '127.0.0.1', port: host.services[0]?.listeners[0]?.address.port ?? 0 }
  const loopback = new Loopback(t)
  const clients: number[] = []
  for (let i = 0; i < SESSIONS; i++) {
    clients.push(await loopback.connect({ family: 4, protocol: 'tcp', sendBuffer: 262_144 }, to))
  }
  await Promise.all(clients.map(fill))
  const full = queued()
  t.ok(full > 2 * MOST, `${(full / MEBIBYTE).toFixed(1)} MiB wait in ${SESSIONS} sessions`)

  // with their buffers full the clients' ends do not get through: nobody can see that they left
  for (const client of clients) native.close(loopback.release(client))
  t.equal(relay.active, SESSIONS)
  const watch = watchHeldMemory(() => relay.running, { most: MOST, interval: 100 })
  t.teardown(() => watch.stop())
  const held = (): number => [...relay.running].reduce((sum, each) => sum + each.held(), 0)
  await until('the memory', () => (held() <= MOST ? undefined : `${held()} bytes held`))
  t.ok(relay.active > 0, `${relay.active} within what one source may hold are let be`)

  // and when memory is short they go too
  relay.memoryShort(true)
  await until('the last', () => (relay.active === 0 ? undefined : `${relay.active} sessions`))
  await until('the memory', () => (queued() === 0 ? undefined : `${queued()} bytes queued`))
  await until('the records', () => {
    const ended = records.filter(({ outcome }) => outcome === 'stalled')
    return ended.length === SESSIONS ? undefined : `${ended.length} stalled`
  })
}

if (inOwnNetwork(t, import.meta.url)) await t.test('stalled sessions', check)
