/** Two loopback connections with a relay between them, for the tests of the relay engine. */
import type { Test } from 'tap'
import {
  native,
  type NativeRelay,
  type NativeRelayOptions,
  type RelayCause,
  type RelayEngine,
  type Watcher,
} from '../../../src/native.js'
import type { Loopback, Protocol } from './loopback.js'

export interface Ended {
  cause: RelayCause
  up: number
  down: number
  side: 'a' | 'b' | undefined
  errno: string | undefined
}

export interface Relayed {
  /** The peer whose connection is the relay's `a`, and the one whose is `b`. */
  client: number
  server: number
  a: number
  b: number
  relay: NativeRelay
  ended: Promise<Ended>
}

/** How the two sides are carried: the relay's mode goes with it. */
export interface Route {
  name: string
  client: Protocol
  server: Protocol
  mode: 'splice' | 'copy'
}

export const ROUTES: readonly Route[] = [
  { name: 'TCP to TCP spliced', client: 'tcp', server: 'tcp', mode: 'splice' },
  { name: 'TCP to TCP copied', client: 'tcp', server: 'tcp', mode: 'copy' },
  { name: 'MPTCP to TCP', client: 'mptcp', server: 'tcp', mode: 'copy' },
  { name: 'TCP to MPTCP', client: 'tcp', server: 'mptcp', mode: 'copy' },
  { name: 'MPTCP to MPTCP', client: 'mptcp', server: 'mptcp', mode: 'copy' },
]

/** An engine that is stopped when the test ends, before {@link Loopback} closes the descriptors. */
export function engineFor(t: Test, threads = 2): RelayEngine {
  const engine = new native.RelayEngine(threads)
  t.teardown(() => engine.stop())
  return engine
}

export function startRelay(
  engine: RelayEngine,
  a: number,
  b: number,
  options: NativeRelayOptions,
): { relay: NativeRelay; ended: Promise<Ended> } {
  let resolve: (end: Ended) => void = () => undefined
  const ended = new Promise<Ended>((settle) => (resolve = settle))
  const relay = engine.relay(a, b, options, (cause, up, down, side, errno) => {
    resolve({ cause, up, down, side, errno })
  })
  return { relay, ended }
}

export async function relayed(
  engine: RelayEngine,
  loopback: Loopback,
  route: Route,
  options: Partial<NativeRelayOptions> = {},
): Promise<Relayed> {
  const near = await loopback.pair({ family: 4, protocol: route.client, noDelay: true })
  const far = await loopback.pair({ family: 4, protocol: route.server, noDelay: true })
  const [a, b] = [near.server, far.client]
  const started = startRelay(engine, a, b, { mode: route.mode, idleTimeout: 0, ...options })
  return { client: near.client, server: far.server, a, b, ...started }
}

interface Waiting {
  watcher: Watcher
  readable?: () => void
  writable?: () => void
}

/** A descriptor has one watcher, however many wait for it. */
const waiting = new Map<number, Waiting>()

function watch(fd: number): Waiting {
  const watcher = native.watch(fd, (readable, writable) => {
    const wake = [readable ? entry.readable : undefined, writable ? entry.writable : undefined]
    if (readable) delete entry.readable
    if (writable) delete entry.writable
    listen(fd, entry)
    for (const each of wake) each?.()
  })
  const entry: Waiting = { watcher }
  waiting.set(fd, entry)
  return entry
}

function listen(fd: number, entry: Waiting): void {
  const { watcher, readable, writable } = entry
  if (readable !== undefined || writable !== undefined) {
    watcher.start({ readable: readable !== undefined, writable: writable !== undefined })
  } else {
    watcher.close()
    waiting.delete(fd)
  }
}

/** As `ready` of loopback.ts, for one who reads and one who writes at the same time. */
export function ready(fd: number, wanted: 'readable' | 'writable'): Promise<void> {
  return new Promise((resolve) => {
    const entry = waiting.get(fd) ?? watch(fd)
    entry[wanted] = resolve
    listen(fd, entry)
  })
}

/** Sends all bytes, and the end of the stream unless told otherwise. */
export async function sendAll(fd: number, bytes: Uint8Array, end = true): Promise<void> {
  let rest = bytes
  while (rest.length > 0) {
    const sent = native.send(fd, rest)
    if (sent < 0) await ready(fd, 'writable')
    else rest = rest.subarray(sent)
  }
  if (end) native.shutdown(fd)
}

/** Everything until the end of the stream, or until so many bytes have come. */
export async function receiveAll(fd: number, most = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let length = 0; length < most;) {
    const chunk = Buffer.allocUnsafe(Math.min(65536, most - length))
    const got = native.recv(fd, chunk)
    if (got === 0) break
    if (got < 0) await ready(fd, 'readable')
    else chunks.push(chunk.subarray(0, got))
    length += Math.max(got, 0)
  }
  return Buffer.concat(chunks)
}

/** What reading to the end throws. */
export async function readError(fd: number): Promise<unknown> {
  try {
    await receiveAll(fd)
  } catch (error) {
    return error
  }
  return undefined
}
