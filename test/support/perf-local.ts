/** A perf server in this process, and clients to it. */
import type { Test } from 'tap'
import { runPerfClient } from '../../mininet/perf/client.js'
import type { PerfClientOptions } from '../../mininet/perf/client-options.js'
import type { TestPlan } from '../../mininet/perf/messages.js'
import type { PerfRecord } from '../../mininet/perf/record.js'
import { PerfServer, type PerfServerLimits, type PerfServerOptions } from '../../mininet/perf/server.js'
import type { SessionResult } from '../../mininet/perf/session.js'
import { detectKernel } from '../../src/kernel/detect.js'
import type { Connection } from '../../src/net/connection.js'
import { dial } from '../../src/net/dial.js'

const kernel = detectKernel()

export interface LocalServer {
  server: PerfServer
  /** Tests that came to their end, and complaints, in the order they came. */
  tests: SessionResult[]
  troubles: string[]
}

/** Stopped, and waited for, in the test's teardown. */
export function localServer(
  t: Test,
  options: { limits?: Partial<PerfServerLimits>; wish?: PerfServerOptions['wish'] } = {},
): LocalServer {
  const tests: SessionResult[] = []
  const troubles: string[] = []
  const server = new PerfServer({
    kernel,
    at: { address: '127.0.0.1', port: 0 },
    wish: options.wish ?? { transport: 'mptcp' },
    limits: { clients: 8, streams: 128, time: 60, ...options.limits },
    once: false,
    onTest: (_client, _plan, result) => tests.push(result),
    onTrouble: (_client, error) => troubles.push(error.message),
  })
  t.teardown(async () => {
    server.stop()
    await server.ended
  })
  return { server, tests, troubles }
}

export const PLAN: TestPlan = {
  direction: 'forward',
  streams: 1,
  duration: 0.4,
  omit: 0,
  interval: 0.1,
  blockSize: 131_072,
}

/** {@link PLAN} with a number of bytes instead of a time. */
export function bytesPlan(bytes: number, change: Partial<TestPlan> = {}): TestPlan {
  const plan = { ...PLAN, bytes, ...change }
  delete plan.duration
  return plan
}

/** Opens a connection to the server as the client does. */
export function connectTo({ server }: LocalServer): (signal?: AbortSignal) => Promise<Connection> {
  const { address: host, port } = server.address
  return dialer({ host, port }, { transport: 'mptcp' })
}

/** Runs a client against the server. */
export function run(
  { server }: LocalServer,
  plan: TestPlan,
  change: Partial<PerfClientOptions> = {},
): Promise<PerfRecord> {
  const { address: host, port } = server.address
  return runAt({ host, port }, plan, change)
}

/** Runs a client against whatever there is. */
export function runAt(
  target: PerfClientOptions['target'],
  plan: TestPlan,
  change: Partial<PerfClientOptions> = {},
): Promise<PerfRecord> {
  const wish = change.wish ?? { transport: 'mptcp' as const }
  return runPerfClient({
    plan,
    target,
    kernel,
    wish,
    connect: dialer(target, wish),
    latencyInterval: 5,
    signal: new AbortController().signal,
    ...change,
  })
}

function dialer(
  target: PerfClientOptions['target'],
  wish: PerfClientOptions['wish'],
): (signal?: AbortSignal) => Promise<Connection> {
  return (signal) => dial(kernel, target, { wish, timeout: 10_000, ...(signal !== undefined && { signal }) })
}
