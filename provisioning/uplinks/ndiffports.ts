/**
 * `ndiffports` decided: for each connection opened here, several subflows from its local address
 * to its remote address and port. Pure: events and the clock come in, what to do goes out.
 */
import { isLoopback, type SocketAddress } from '../../src/address.js'
import type { PathManagerEvent } from '../../src/kernel/path-manager-events.js'

/** Lost subflows are replaced after so long, ms: doubled each time. */
const BACKOFF = { first: 1000, most: 30_000 } as const
/** So many times in a row, then the connection is left with what it has. */
const ATTEMPTS = 8
/** A loss so long after the last one is not of the same row, ms. */
const CALM = 60_000

export type SubflowStep =
  | { do: 'open'; token: number; source: string; remote: SocketAddress; count: number }
  /** {@link Ndiffports.due} after so many ms. */
  | { do: 'wait'; token: number; wait: number }
  | { do: 'give up'; token: number; remote: SocketAddress }
  /** It is closed: nothing is waited for any more. */
  | { do: 'forget'; token: number }

interface Connection {
  token: number
  source: string
  remote: SocketAddress
  /** Local ports of established subflows, the first one's among them. */
  ports: Set<number>
  /** Asked for, and not yet established or closed. */
  opening: number
  waiting: boolean
  attempts: number
  lastLoss: number
}

export class Ndiffports {
  readonly #connections = new Map<number, Connection>()

  /** @param subflows per connection, the first among them */
  constructor(readonly subflows: number) {}

  /** Connections that are managed. */
  get size(): number {
    return this.#connections.size
  }

  /** @param now monotonic, ms */
  take(event: PathManagerEvent, now: number): SubflowStep | undefined {
    if (event.kind === 'established') return this.#begin(event)
    const { token } = event
    if (event.kind === 'closed') {
      return this.#connections.delete(token) ? { do: 'forget', token } : undefined
    }
    const connection = this.#connections.get(token)
    if (connection === undefined || !samePath(connection, event)) return undefined
    const { port } = event.local
    if (event.kind === 'subflow-established') {
      connection.opening = Math.max(0, connection.opening - 1)
      connection.ports.add(port)
      return undefined
    }
    if (!connection.ports.delete(port)) connection.opening = Math.max(0, connection.opening - 1)
    return this.#afterLoss(connection, now)
  }

  /** The wait is over. */
  due(token: number): SubflowStep | undefined {
    const connection = this.#connections.get(token)
    if (connection === undefined) return undefined
    connection.waiting = false
    return this.#open(connection)
  }

  /** So many of the subflows to open were refused by the kernel, for a reason that may pass. */
  refused(token: number, count: number, now: number): SubflowStep | undefined {
    const connection = this.#connections.get(token)
    if (connection === undefined) return undefined
    connection.opening = Math.max(0, connection.opening - count)
    return this.#afterLoss(connection, now)
  }

  /** Leaves a connection with the subflows it has. */
  forget(token: number): void {
    this.#connections.delete(token)
  }

  /** Leaves all of them so. */
  clear(): void {
    this.#connections.clear()
  }

  #begin(event: PathManagerEvent & { kind: 'established' }): SubflowStep | undefined {
    const { token, local, remote, serverSide, denyJoinInitial } = event
    // subflows are the client's to open; on loopback there is nothing to gain
    if (serverSide || denyJoinInitial || isLoopback(local.address)) return undefined
    const connection: Connection = {
      token,
      source: local.address,
      remote,
      ports: new Set([local.port]),
      opening: 0,
      waiting: false,
      attempts: 0,
      lastLoss: -Infinity,
    }
    this.#connections.set(token, connection)
    return this.#open(connection)
  }

  #missing({ ports, opening }: Connection): number {
    return this.subflows - ports.size - opening
  }

  #open(connection: Connection): SubflowStep | undefined {
    const count = this.#missing(connection)
    if (count <= 0) return undefined
    connection.opening += count
    const { token, source, remote } = connection
    return { do: 'open', token, source, remote, count }
  }

  #afterLoss(connection: Connection, now: number): SubflowStep | undefined {
    if (connection.waiting || this.#missing(connection) <= 0) return undefined
    const { token, remote } = connection
    if (now - connection.lastLoss > CALM) connection.attempts = 0
    connection.lastLoss = now
    if (connection.attempts === ATTEMPTS) {
      this.forget(token)
      return { do: 'give up', token, remote }
    }
    connection.waiting = true
    return { do: 'wait', token, wait: Math.min(BACKOFF.first * 2 ** connection.attempts++, BACKOFF.most) }
  }
}

/** Not one that the peer opened, or that goes to another of its addresses. */
function samePath(
  { source, remote }: Connection,
  event: { local: SocketAddress; remote: SocketAddress },
): boolean {
  return (
    event.local.address === source &&
    event.remote.address === remote.address &&
    event.remote.port === remote.port
  )
}
