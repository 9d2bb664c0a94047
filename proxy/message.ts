/** A message of a client to one destination and its answer, as a handshake that knows both hands it to the pipeline. */
import type { Connection } from '../src/net/connection.js'
import type { RelayPart } from '../src/net/relay.js'

export interface Message {
  /** The message's beginning, for the destination. */
  head: Buffer
  /** What arrived behind that; `end` counts from its first byte. */
  rest: Buffer
  end: number | 'chunked'
  /** Whether what the client sends beyond the message is wanted, for {@link next} or after a switch of protocols. */
  keep: boolean
  /**
   * Reads the beginning of the answer. Interim answers it passes on itself.
   * @param early what came from the destination before
   */
  answer(peers: Peers, early: Buffer): Promise<Answer>
  /** What the client is told when the destination gives no answer, or when what the client sends is broken. */
  apology(reason: unknown, whose: 'client' | 'destination'): Buffer
  /**
   * Reads the client's next message, on connections that go on after one.
   * @param carried what came behind the last one
   * @throws what the connections and the timeouts said
   */
  next?(peers: Peers, carried: Buffer, timeouts: MessageTimeouts): Promise<Message | Farewell>
}

export interface Peers {
  client: Connection
  remote: Connection
}

export interface Answer {
  part: RelayPart
  /** `switch`: from now on both directions are opaque. */
  how: 'final' | 'switch'
}

/** There is no further message for this destination. */
export interface Farewell {
  /** What the client is told before its connection ends; undefined when an end says all. */
  farewell?: Buffer
  /** Undefined when it is the ordinary end. */
  problem?: string
}

/** Milliseconds. */
export interface MessageTimeouts {
  /** Until the next message begins; 0 is never. */
  idle: number
  /** From its beginning to the end of its head. */
  handshake: number
  /** Of the relay, as of every other. */
  halfClosed: number
  stalled: number
}
