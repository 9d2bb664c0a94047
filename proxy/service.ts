/** From a service's configuration to its open listeners. */
import type { PathTestConfig } from '../src/config/path-test.js'
import type { RelayingConfig, ServiceConfig } from '../src/config/schema.js'
import { socketWish } from '../src/config/socket.js'
import type { SocketWish } from '../src/kernel/kernel.js'
import type { Listener } from '../src/net/listen.js'
import { sourceBlock } from '../src/net/source-block.js'
import { startAccepting } from './accepting.js'
import type { DoorStatus } from './admission.js'
import { DEFAULT_CONNECTIONS, placeLimits, type ServiceWish } from './capacity.js'
import type { UpstreamStatus } from './egress/upstream-watch.js'
import { partsOf } from './parts.js'
import { servePathTest } from './path-test/serve.js'
import { serve, type Pipeline } from './pipeline.js'
import type { Runtime } from './runtime.js'

export interface RunningService {
  readonly name: string
  readonly type: ServiceConfig['type']
  readonly listeners: readonly Listener[]
  /** `direct`, `socks5 10.0.2.2:1080`, the fixed target, or what else becomes of connections. */
  readonly egress: string
  /** The next proxy as it is now, where there is one. */
  readonly upstream?: () => UpstreamStatus
  /** How many connections it holds and may hold, and how many it has refused. */
  readonly limits: () => DoorStatus
  /** What the kernel could not grant of optional wishes. */
  readonly warnings: readonly string[]
  /** Stops accepting, withdraws handshakes and dials; resolves when every session has ended. Relays are the runtime's to stop. */
  stop(): Promise<void>
}

/** What a service asks of the process's descriptors. */
export function wishOf({ type, limits }: ServiceConfig, name: string): ServiceWish {
  const { connections } = limits
  return { name, connections, otherwise: DEFAULT_CONNECTIONS, sockets: type === 'path-test' ? 1 : 2 }
}

/** @param connections how many it may hold: what it asked for, or less @throws {MptkError} naming the key or the address */
export async function startService(
  config: ServiceConfig,
  name: string,
  connections: number,
  runtime: Runtime,
): Promise<RunningService> {
  return config.type === 'path-test'
    ? startPathTest(config, name, connections, runtime)
    : await startPipeline(config, name, connections, runtime)
}

async function startPipeline(
  config: RelayingConfig,
  name: string,
  connections: number,
  runtime: Runtime,
): Promise<RunningService> {
  const { upstream, listenerWish, refusesInWords: inWords, ...parts } = await partsOf(config, name, runtime)
  const pipeline: Pipeline = { name, runtime, timeouts: config.timeouts, ...parts }
  const wish = { ...socketWish(config), ...listenerWish }
  const warnings = [...new Set([wish, ...wishesOut(config)].flatMap((each) => runtime.kernel.check(each)))]
  const { listen, backlog } = config
  const limits = placeLimits(connections, config.limits)
  // the hosts of a LAN share one /64, and are told apart all the same
  const blockOf = config.type === 'transparent' ? (address: string) => address : sourceBlock
  const accepting = startAccepting(runtime, {
    ...{ name, listen, wish, backlog, limits, blockOf, inWords },
    serve: (client, admission) => serve(pipeline, client, admission),
  })
  return {
    name,
    type: config.type,
    listeners: accepting.listeners,
    egress: parts.egress.name,
    limits: () => accepting.limits(),
    warnings,
    ...(upstream !== undefined && { upstream: () => upstream.status() }),
    async stop() {
      const stopped = accepting.stop()
      upstream?.stop()
      await stopped
    },
  }
}

function startPathTest(
  config: PathTestConfig,
  name: string,
  connections: number,
  runtime: Runtime,
): RunningService {
  const { listen, timeouts } = config
  const limits = placeLimits(connections, config.limits)
  const accepting = startAccepting(runtime, {
    ...{ name, listen, limits, blockOf: sourceBlock, inWords: true, wish: { transport: 'mptcp' } },
    serve: (client, admission) => servePathTest(runtime, name, timeouts.test, client, admission),
  })
  return { name, type: config.type, egress: 'tells what arrived', warnings: [], ...accepting }
}

/** What sockets to destinations and to the upstream shall be: wrong wishes show at the start, not at the first client. */
function wishesOut(config: RelayingConfig): SocketWish[] {
  const upstream = 'upstream' in config ? config.upstream : undefined
  if (upstream === undefined) return [socketWish({ ...config.egress })]
  const alsoStraight =
    upstream.whenUnreachable === 'direct' || ('upstreamFor' in config && config.upstreamFor !== undefined)
  return [upstream, ...(alsoStraight ? [config.egress] : [])].map((each) => socketWish({ ...each }))
}
