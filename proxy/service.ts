/** From a service's configuration to its open listeners. */
import { formatAddress } from '../src/address.js'
import type { ServiceConfig } from '../src/config/schema.js'
import { socketWish } from '../src/config/socket.js'
import { describeError } from '../src/errors.js'
import type { SocketWish } from '../src/kernel/kernel.js'
import type { Connection } from '../src/net/connection.js'
import { listen, type Listener } from '../src/net/listen.js'
import type { UpstreamStatus } from './egress/upstream-watch.js'
import { ConnectionLimits } from './limits.js'
import { partsOf } from './parts.js'
import { serve, type Pipeline, type Runtime } from './pipeline.js'

export interface RunningService {
  readonly name: string
  readonly type: ServiceConfig['type']
  readonly listeners: readonly Listener[]
  /** `direct`, `socks5 10.0.2.2:1080` or the fixed target. */
  readonly egress: string
  /** The next proxy as it is now, where there is one. */
  readonly upstream?: () => UpstreamStatus
  /** What the kernel could not grant of optional wishes. */
  readonly warnings: readonly string[]
  /** Stops accepting, withdraws handshakes and dials; resolves when every session has ended. Relays are the runtime's to stop. */
  stop(): Promise<void>
}

/** @throws {MptkError} naming the key or the address */
export async function startService(
  config: ServiceConfig,
  name: string,
  runtime: Runtime,
): Promise<RunningService> {
  const { upstream, listenerWish, ...parts } = await partsOf(config, name, runtime)
  const pipeline: Pipeline = { name, runtime, timeouts: config.timeouts, ...parts }
  const limits = new ConnectionLimits(config.limits)
  const running = new Map<Connection, Promise<void>>()
  const wish = { ...socketWish(config), ...listenerWish }
  const warnings = [wish, ...wishesOut(config)].flatMap((each) => runtime.kernel.check(each))
  const listeners: Listener[] = []

  function onConnection(client: Connection): void {
    const { address } = client.remote
    const full = limits.take(address)
    if (full !== undefined) {
      client.reset()
      runtime.metrics.sessions.inc({ service: name, outcome: 'limit' })
      runtime.log.warn(
        { service: name, client: formatAddress(client.remote), limit: full },
        'connection refused: limit',
      )
      return
    }
    const served = serve(pipeline, client).finally(() => {
      limits.release(address)
      running.delete(client)
    })
    running.set(client, served)
  }

  try {
    for (const at of config.listen) {
      listeners.push(
        listen(runtime.kernel, at, wish, {
          ...(config.backlog !== undefined && { backlog: config.backlog }),
          onConnection,
          onError: (error) =>
            runtime.log.error({ service: name, error: describeError(error) }, 'accepting pauses'),
        }),
      )
    }
  } catch (error) {
    for (const listener of listeners) listener.close()
    throw error
  }

  return {
    name,
    type: config.type,
    listeners,
    egress: parts.egress.name,
    warnings,
    ...(upstream !== undefined && { upstream: () => upstream.status() }),
    async stop() {
      for (const listener of listeners) listener.close()
      const reason = new Error('the service is stopping')
      for (const session of runtime.sessions) if (session.service === name) session.stop(reason)
      upstream?.stop()
      await Promise.all(running.values())
    },
  }
}

/** What sockets to destinations and to the upstream shall be: wrong wishes show at the start, not at the first client. */
function wishesOut(config: ServiceConfig): SocketWish[] {
  const upstream = 'upstream' in config ? config.upstream : undefined
  if (upstream === undefined) return [socketWish({ ...config.egress })]
  const alsoStraight =
    upstream.whenUnreachable === 'direct' || ('upstreamFor' in config && config.upstreamFor !== undefined)
  return [upstream, ...(alsoStraight ? [config.egress] : [])].map((each) => socketWish({ ...each }))
}
