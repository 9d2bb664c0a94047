/** Open listeners whose connections are served side by side, within limits, until they are stopped. */
import { familyOf, formatAddress, type SocketAddress } from '../src/address.js'
import { describeError } from '../src/errors.js'
import type { SocketWish } from '../src/kernel/kernel.js'
import type { Connection } from '../src/net/connection.js'
import { listen, type Listener } from '../src/net/listen.js'
import { ConnectionLimits } from './limits.js'
import type { Runtime } from './runtime.js'

export interface AcceptOptions {
  /** The service's, in log and metrics. */
  name: string
  listen: readonly SocketAddress[]
  wish: SocketWish
  backlog?: number | undefined
  limits: { connections: number; perSource: number }
  /** Never rejects, and closes the connection. */
  serve: (client: Connection) => Promise<void>
}

export interface Accepting {
  readonly listeners: readonly Listener[]
  /** Stops accepting and ends what has no relay yet; resolves when every connection has been served. */
  stop(): Promise<void>
}

/** `[::]` takes IPv4 as well, unless the same port is listened on there by itself: `0.0.0.0:80` beside `[::]:80`. */
function besides(
  { address, port }: SocketAddress,
  all: readonly SocketAddress[],
): Pick<SocketWish, 'v6Only'> {
  const shared = all.some((other) => other.port === port && familyOf(other.address) === 4)
  return familyOf(address) === 6 && port !== 0 && shared ? { v6Only: true } : {}
}

/** @throws {MptkError} naming the address, with every listener closed again */
export function startAccepting(runtime: Runtime, options: AcceptOptions): Accepting {
  const { name, wish, backlog, serve } = options
  const limits = new ConnectionLimits(options.limits)
  const running = new Map<Connection, Promise<void>>()
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
    const served = serve(client).finally(() => {
      limits.release(address)
      running.delete(client)
    })
    running.set(client, served)
  }

  try {
    for (const at of options.listen) {
      listeners.push(
        listen(
          runtime.kernel,
          at,
          { ...wish, ...besides(at, options.listen) },
          {
            ...(backlog !== undefined && { backlog }),
            onConnection,
            onError: (error) =>
              runtime.log.error({ service: name, error: describeError(error) }, 'accepting pauses'),
          },
        ),
      )
    }
  } catch (error) {
    for (const listener of listeners) listener.close()
    throw error
  }

  return {
    listeners,
    async stop() {
      for (const listener of listeners) listener.close()
      const reason = new Error('the service is stopping')
      for (const session of runtime.sessions) if (session.service === name) session.stop(reason)
      await Promise.all(running.values())
    },
  }
}
