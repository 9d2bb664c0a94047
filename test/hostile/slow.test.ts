/** Clients that stall, dawdle, hold on or go away at every point of the handshake, many at once. */
import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BuiltProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { Random } from '../support/random.js'
import { startBystanders } from './bystanders.js'
import { greeting, ipv4, password, request } from './corpus.js'
import { expectation } from './model.js'
import { PORTS, SERVICES, startEcho, startTarget, USER } from './setting.js'

/** Connections for each byte at which a client stalls. */
const EACH = 5
/** Pause between two bytes, milliseconds: in time for the longest handshake, or never. */
const PAUSE = { slow: 10, endless: 40 }
/** For clients that shall be in time also where a machine takes its time, and for those that shall not. */
const PATIENT = { handshake: '2m', dial: '2m' }
const TIMEOUTS = { handshake: '4s', dial: '2s' }
const SILENT = { device: 'silent', own: '10.9.0.1/24', neighbour: [10, 9, 0, 2] as const }

const good = request(ipv4(127, 0, 0, 1), PORTS.echo)
const HANDSHAKES = SERVICES.map(({ name, port, model }) => ({
  name,
  port,
  model,
  bytes:
    model.user === undefined
      ? Buffer.concat([greeting(0), good])
      : Buffer.concat([greeting(2), password(USER.name, USER.password), good]),
}))

interface Client {
  socket: Socket
  /** What came, when the proxy has ended the connection. */
  ended: Promise<Buffer>
}

/** @param close whether to close when the proxy does, as a decent client would */
async function open(port: number, { close = true } = {}): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  const chunks: Buffer[] = []
  const ended = new Promise<Buffer>((resolve) => {
    const finish = (): void => resolve(Buffer.concat(chunks))
    socket.on('end', () => {
      finish()
      if (close) socket.destroy()
    })
    socket.on('close', finish)
  })
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return { socket, ended }
}

async function dawdle(socket: Socket, bytes: Buffer, pause: number): Promise<void> {
  for (const byte of bytes) {
    if (socket.destroyed) return
    socket.write(Buffer.from([byte]))
    await sleep(pause)
  }
}

async function checkStalled(t: Test): Promise<void> {
  const each = HANDSHAKES.map(async ({ name, port, model, bytes }) => {
    const lengths = Array.from({ length: bytes.length * EACH }, (_, i) => i % bytes.length)
    const wrong = await Promise.all(
      lengths.map(async (length) => {
        const { socket, ended } = await open(port)
        const sent = bytes.subarray(0, length)
        if (length > 0) socket.write(sent)
        const output = await ended
        const { before } = expectation(sent, model)
        return output.equals(before) ? [] : [`${length} bytes: got ${output.toString('hex')}`]
      }),
    )
    t.strictSame(wrong.flat(), [], `${name}: ${lengths.length} that stalled were closed`)
  })
  await Promise.all(each)
}

/** Never silent for long, and yet never done in time. */
async function checkEndless(t: Test): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 100 }, () => open(PORTS.open)))
  const methods = greeting(...Array.from({ length: 255 }, () => 0x80))
  await Promise.all(clients.map(({ socket }) => dawdle(socket, methods, PAUSE.endless)))
  const outputs = await Promise.all(clients.map(({ ended }) => ended))
  t.ok(
    outputs.every((output) => output.length === 0),
    'those that send a byte now and then are closed too',
  )
}

async function checkSlow(t: Test): Promise<void> {
  const payload = Buffer.from('early, and yet in order')
  for (const { name, port, bytes } of HANDSHAKES) {
    const clients = await Promise.all(Array.from({ length: 200 }, () => open(port)))
    const outputs = await Promise.all(
      clients.map(async ({ socket, ended }) => {
        await dawdle(socket, Buffer.concat([bytes, payload]), PAUSE.slow)
        socket.end()
        return ended
      }),
    )
    t.ok(
      outputs.every((output) => output.subarray(-payload.length).equals(payload)),
      `${name}: slow but in time is good enough`,
    )
  }
}

/** Refused, and neither closing nor falling silent. */
async function checkHangersOn(t: Test, proxy: BuiltProxy, before: Record<string, number>): Promise<void> {
  const refusedMethod = greeting(0x80)
  const denied = Buffer.concat([greeting(0), request(ipv4(127, 0, 0, 2), 80)])
  const holding = await Promise.all(Array.from({ length: 100 }, () => open(PORTS.open, { close: false })))
  for (const [index, { socket }] of holding.entries()) socket.write(index % 2 === 0 ? refusedMethod : denied)
  const outputs = await Promise.all(holding.map(({ ended }) => ended))
  t.ok(
    outputs.every((output, index) =>
      output.toString('hex').startsWith(index % 2 === 0 ? '05ff' : '05000502'),
    ),
    'each got its refusal',
  )
  await proxy.settled(before)
  t.pass('the proxy let go of clients that hold on')
  for (const { socket } of holding) socket.destroy()

  const talking = await Promise.all(Array.from({ length: 20 }, () => open(PORTS.open, { close: false })))
  const garbage = Buffer.alloc(64 * 1024, 5)
  await Promise.all(
    talking.map(async ({ socket }) => {
      socket.write(refusedMethod)
      while (!socket.destroyed) {
        if (!socket.write(garbage)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
      }
    }),
  ).catch(() => undefined) // a write that fails is what we wait for
  await proxy.settled(before)
  t.pass('the proxy let go of clients that talk on')
  for (const { socket } of talking) socket.destroy()
}

/** The destination does not answer: clients wait, or lose patience. */
async function checkSilentDestination(t: Test): Promise<void> {
  const bytes = Buffer.concat([greeting(0), request(ipv4(...SILENT.neighbour), 80)])
  const clients = await Promise.all(Array.from({ length: 150 }, () => open(PORTS.open)))
  for (const { socket } of clients) socket.write(bytes)
  await Promise.all(clients.map(({ socket }) => once(socket, 'data')))
  for (const [index, { socket }] of clients.entries()) {
    if (index % 3 === 1) socket.resetAndDestroy()
    if (index % 3 === 2) socket.end()
  }
  const outputs = await Promise.all(clients.map(({ ended }) => ended))
  const repliesOf = (kind: number): string[] => {
    const those = outputs.filter((_, index) => index % 3 === kind)
    return [...new Set(those.map((output) => output.subarray(2, 4).toString('hex')))]
  }
  t.strictSame(repliesOf(0), ['0506'], 'whoever waited was told that time ran out')
  t.strictSame(repliesOf(2), ['0501'], 'nobody was dialled for who had ended, who was told so')
}

/** The neighbour's address is known, so that nothing fails early; nobody there answers to it. */
function layWireToNowhere(): void {
  const { device, own, neighbour } = SILENT
  for (const words of [
    `link add ${device} type veth peer name nowhere`,
    `address add ${own} dev ${device}`,
    `link set ${device} up`,
    'link set nowhere up',
    `neighbour add ${neighbour.join('.')} lladdr 02:00:00:00:00:99 dev ${device}`,
  ]) {
    execFileSync('ip', words.split(' '))
  }
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('slow and stubborn clients', async (t) => {
    layWireToNowhere()
    await startEcho(t)
    const patient = await startTarget(t, PATIENT)
    await t.test('slow', checkSlow)
    t.strictSame(patient.complaints, [], 'no warning, no error')
    t.match(await patient.stop(), { code: 0, signal: null }, 'ends cleanly')

    const proxy = await startTarget(t, TIMEOUTS)
    const before = proxy.descriptors()
    await t.test('holding on', (t) => checkHangersOn(t, proxy, before))

    const echo = { proxyPort: PORTS.open, host: 'localhost', port: PORTS.echo }
    const bystanders = await startBystanders(echo, new Random(1))
    await t.test('stalled', checkStalled)
    await t.test('endless', checkEndless)
    await t.test('a silent destination', checkSilentDestination)
    const { transferred, connections } = await bystanders.finish()
    t.ok(transferred > 0 && connections > 0, 'other connections were unharmed')

    await proxy.settled(before)
    t.pass('no session in progress, no descriptor left')
    t.equal(
      await proxy.metric('mptk_sessions_total', { outcome: 'error' }),
      0,
      'none ended by a fault of ours',
    )
    t.strictSame(proxy.complaints, [], 'no warning, no error')
    t.match(await proxy.stop(), { code: 0, signal: null }, 'ends cleanly')
  })
}
