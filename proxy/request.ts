/** What a handshake hands to the pipeline: the wish of a client, not yet granted. */
import type { Destination, SocketAddress } from '../src/address.js'
import type { Connection, Leaving } from '../src/net/connection.js'

export interface Request {
  destination: Destination
  /** Name the client proved by its password. */
  user?: string
  /** The site that the client named, where names choose the backend. */
  site?: string
  /** Bytes for the destination before all others: those that came with the handshake. */
  head?: Buffer
  /**
   * What counts as the client's having left while its destination is dialled; `break` when not
   * said. `end` is for one that was told to wait for our word and has sent nothing ahead.
   */
  leaving?: Leaving
  /** Tells the client that the destination is connected. Never called before it is. */
  proceed(bound: SocketAddress): Promise<void>
  /** Tells the client why there will be no connection, then ends the handshake. */
  abort(reason: unknown): Promise<void>
}

/**
 * Speaks a protocol's opening with a fresh connection. Parses only: rules and dialling are
 * the pipeline's. What it throws ends the connection; anything the protocol lets it say to
 * the client about that has been said. Undefined: the client wanted something of this service
 * itself, and has it.
 */
export type Handshake = (client: Connection) => Promise<Request | undefined>
