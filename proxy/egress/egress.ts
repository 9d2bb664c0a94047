/** How a service reaches a destination: straight, or through the next proxy. */
import type { Destination, SocketAddress } from '../../src/address.js'
import type { Cancellation } from '../../src/net/cancel.js'
import type { Connection } from '../../src/net/connection.js'
import type { Subject } from '../../src/net/names/pending-names.js'

export interface EgressOptions {
  /** Who wants to go there: where names are looked up here, each has a share of that. */
  subject: Subject
  signal: Cancellation
  /** Milliseconds for everything up to the connected destination. */
  timeout: number
  /**
   * The rules' word on the destination. Whoever resolves it or passes it on asks first, before
   * anything leaves this host for its sake.
   * @param resolved whether a name is resolved here, and `allow` then judges each of its addresses
   * @throws {MptkError} MPTK_DENIED
   */
  admit(resolved: boolean): void
  /** The rules' word on each resolved address. */
  allow(address: string): boolean
}

export interface Reached {
  connection: Connection
  /** The outgoing socket's address at whoever dialled the destination; what a SOCKS5 reply carries. */
  bound: SocketAddress
  /** Payload that came together with the upstream's reply and belongs to the client. */
  head?: Buffer
}

export interface Egress {
  /** For status: `direct`, `socks5 10.0.2.2:1080`. */
  readonly name: string
  /** @throws what the rules, the dial or the upstream said; the pipeline turns it into the protocol's answer */
  dial(destination: Destination, options: EgressOptions): Promise<Reached>
}

/** The next proxy: an egress that may be out of reach itself, whatever the destination. */
export interface Upstream extends Egress {
  /** Where it listens, as text. */
  readonly address: string
  /**
   * Whether it answers, and takes our password.
   * @throws {UpstreamUnreachable} @throws {UpstreamNotTried} @throws {UpstreamRefused}
   */
  probe(signal: Cancellation): Promise<void>
}
