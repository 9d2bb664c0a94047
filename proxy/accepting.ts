/** Open listeners whose connections are served side by side, within limits, until they are stopped. */
import { familyOf, formatAddress, type SocketAddress } from '../src/address.js'
import { BurstLog } from '../src/burst-log.js'
import { describeError } from '../src/errors.js'
import type { SocketWish } from '../src/kernel/kernel.js'
import type { Connection } from '../src/net/connection.js'
import { EXHAUSTED_PAUSE, listen, type Listener } from '../src/net/listen.js'
import { Door, type Admission, type DoorOptions, type DoorStatus } from './admission.js'
import type { Runtime } from './runtime.js'

export interface AcceptOptions extends DoorOptions {
  listen: readonly SocketAddress[]
  wish: SocketWish
  backlog?: number | undefined
  /** Never rejects, and closes the connection. */
  serve: (client: Connection, admission: Admission) => Promise<void>
}

export interface Accepting {
  readonly listeners: readonly Listener[]
  /** Places taken and free, and who was refused. */
  limits(): DoorStatus
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
  const door = new Door(runtime, options)
  const running = new Map<Connection, Promise<void>>()
  const listeners: Listener[] = []
  const pauses = new BurstLog<{ at: string; error: string }>(({ at, error }, more) => {
    const fields = { service: name, listener: at, error, ...(more !== undefined && { count: more }) }
    runtime.log.error(fields, `accepting pauses for ${EXHAUSTED_PAUSE} ms: ${error}`)
  })

  function onConnection(client: Connection): void {
    const admission = door.admit(client, performance.now())
    if (admission === undefined) {
      client.reset()
      return
    }
    const served = serve(client, admission).finally(() => {
      admission.end()
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
            onError: (error) => pauses.add('', { at: formatAddress(at), error: describeError(error) }),
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
    limits: () => door.status(),
    async stop() {
      for (const listener of listeners) listener.close()
      const reason = new Error('the service is stopping')
      for (const session of runtime.sessions) if (session.service === name) session.stop(reason)
      await Promise.all(running.values())
      door.close()
      pauses.close()
    },
  }
}
