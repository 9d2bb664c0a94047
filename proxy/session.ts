/** One client's connection from accept to end: what log, metrics and status say about it. */
import { formatAddress, type Destination, type SocketAddress } from '../src/address.js'
import { describeError } from '../src/errors.js'
import type { ConnectionInfo, Kernel, Verdict } from '../src/kernel/kernel.js'
import type { RawInfo } from '../src/native.js'
import type { Connection } from '../src/net/connection.js'
import type { ActiveRelay } from '../src/net/relay.js'
import type { Outcome, SessionRecord, SideRecord } from '../src/session-record.js'

export type { Outcome, SessionRecord, SideRecord } from '../src/session-record.js'

/** `answering`: a path test, which relays nothing. `refusing`: beyond a limit, and about to be told. */
export type SessionState = 'handshake' | 'dialling' | 'relaying' | 'answering' | 'refusing'

let lastId = 0

export class Session {
  readonly id = ++lastId
  readonly service: string
  readonly client: Connection
  /** For people: the clock may be set while the session lasts. */
  readonly startedAt = new Date()
  /** performance.now(): what durations are counted from. */
  readonly #started = performance.now()
  state: SessionState = 'handshake'
  /** It may be somebody who guesses passwords. */
  suspect = false
  user: string | undefined
  destination: Destination | undefined
  clientVerdict: Verdict | undefined
  remote: Connection | undefined
  remoteVerdict: Verdict | undefined
  relay: Pick<ActiveRelay, 'bytes' | 'abort'> | undefined

  constructor(service: string, client: Connection) {
    this.service = service
    this.client = client
  }

  get source(): SocketAddress {
    return this.client.remote
  }

  /** Ends it in whatever state it is; its record follows. */
  stop(reason: Error): void {
    if (this.relay !== undefined) this.relay.abort()
    // the dial is withdrawn with it
    else this.client.fail(reason)
  }

  record(
    outcome: Outcome,
    result: { up: number; down: number },
    more: { error?: string; client?: SideRecord; remote?: SideRecord } = {},
  ): SessionRecord {
    const client = more.client ?? {
      address: formatAddress(this.source),
      ...(this.clientVerdict ?? NOTHING_YET),
    }
    return {
      session: this.id,
      service: this.service,
      ...(this.user !== undefined && { user: this.user }),
      ...(this.destination !== undefined && { destination: formatAddress(this.destination) }),
      client,
      ...(more.remote !== undefined && { remote: more.remote }),
      up: result.up,
      down: result.down,
      duration: Math.round(performance.now() - this.#started),
      outcome,
      ...(more.error !== undefined && { error: more.error }),
    }
  }
}

const NOTHING_YET: Verdict = { protocol: 'tcp', reason: 'the connection ended before the kernel was asked' }

/** What a connection speaks. A kernel that cannot tell, as of one that was reset just now, ends no session. */
export function verdictOf(kernel: Kernel, { fd, origin }: Connection): Verdict {
  try {
    return kernel.verdict(fd, origin)
  } catch (error) {
    return { protocol: 'tcp', reason: `the kernel could not be asked: ${describeError(error)}` }
  }
}

/**
 * What the kernel still knows of an ended connection; undefined where it cannot be asked any more.
 * How the session ended and what it carried is known without.
 */
export function infoOf(
  kernel: Kernel,
  { fd, origin }: Connection,
  last: RawInfo | undefined,
): ConnectionInfo | undefined {
  try {
    return kernel.connectionInfo(fd, origin, last)
  } catch {
    return undefined
  }
}

/** @param verdict taken when the connection was made: a closing connection no longer tells why it fell back */
export function sideRecord(
  address: SocketAddress,
  verdict: Verdict,
  info: ConnectionInfo | undefined,
): SideRecord {
  return {
    address: formatAddress(address),
    protocol: verdict.protocol,
    ...(verdict.reason !== undefined && { reason: verdict.reason }),
    ...(verdict.protocol === 'mptcp' &&
      info !== undefined && {
        subflows: info.subflows.map((subflow) => ({
          local: formatAddress(subflow.local),
          remote: formatAddress(subflow.remote),
          ...(subflow.bytesSent !== undefined && { sent: subflow.bytesSent }),
          ...(subflow.bytesReceived !== undefined && { received: subflow.bytesReceived }),
          ...(subflow.bytesRetransmitted !== undefined && { retransmitted: subflow.bytesRetransmitted }),
        })),
      }),
  }
}
