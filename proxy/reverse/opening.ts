/** What the first bytes of a connection say about the site it is for; by TLS or by HTTP. */
import type { Decoder } from '../message-reader.js'

/**
 * - `site`: they name one.
 * - `nameless`: right bytes of the protocol, which name none.
 * - `foreign`: not this protocol, or a form of it that we do not read.
 * - `invalid`: the protocol itself says to refuse them.
 */
export type Opening =
  { kind: 'site'; name: string } | { kind: 'nameless' | 'foreign' | 'invalid'; why: string }

/** Why a client is turned away. */
export type Refusal = 'unknown' | 'nameless' | 'foreign' | 'invalid' | 'unreachable' | 'limit'

export interface OpeningProtocol {
  /** Undefined while undecided; takes nothing away: every byte belongs to the backend. Throws nothing. */
  decode: Decoder<Opening>
  /** No more than so many bytes are held undecided. */
  limit: number
  /** The last word to a client; undefined where only a reset is left. */
  refusal(why: Refusal): Uint8Array | undefined
}
