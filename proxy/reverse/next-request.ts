/** Waiting for a client's next request, between two messages of a connection that goes on. */
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { MAX_HEAD } from '../http/request-head.js'
import { MessageReader } from '../message-reader.js'
import type { MessageTimeouts, Peers } from '../message.js'
import { decodeHost, type HttpOpening } from './http-host.js'

/**
 * Undefined when either side has ended the connection. The backend is watched as well: what it has to say
 * between two answers is that it closes.
 * @throws {MptkError} MPTK_TIMEOUT, and what the client's connection says
 */
export async function nextRequest(
  { client, remote }: Peers,
  carried: Buffer,
  timeouts: MessageTimeouts,
): Promise<{ opening: HttpOpening; rest: Buffer } | undefined> {
  const reader = new MessageReader(client, MAX_HEAD, carried)
  const patience = new Patience(client)
  patience.start(timeouts.idle, 'no further request')
  let begun = false
  const asked = reader
    .next((bytes) => {
      if (!begun) patience.start(timeouts.handshake, 'no complete request')
      begun = true
      return decodeHost(bytes)
    })
    .then(
      (opening) => ({ opening, rest: reader.rest }),
      (error: unknown) => {
        if (isEnd(error) && isBlank(reader.rest)) return undefined
        throw error
      },
    )
  const gone = remote.read().then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([asked, gone])
  } finally {
    patience.stop()
    remote.detach()
  }
}

/** A client that has said nothing more, at most the empty line that some send behind a body. */
function isBlank(rest: Buffer): boolean {
  return /^(\r\n)*$/.test(rest.toString('latin1'))
}

function isEnd(error: unknown): boolean {
  return error instanceof MptkError && error.code === 'MPTK_HANDSHAKE'
}

/** Makes reading from a client fail when time is up. */
class Patience {
  readonly #client: Connection
  #timer: NodeJS.Timeout | undefined

  constructor(client: Connection) {
    this.#client = client
  }

  /** @param limit milliseconds; 0 is for ever */
  start(limit: number, what: string): void {
    this.stop()
    if (limit === 0) return
    this.#timer = setTimeout(() => {
      this.#client.fail(new MptkError('MPTK_TIMEOUT', `${what} within ${limit} ms`))
    }, limit)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
