/** What is logged of a session when it ends. */
import type { Verdict } from './kernel/kernel.js'
import type { RelayResult } from './net/relay.js'

/** `eof` … are the relay's causes; the others end a session before there is a relay. */
export type Outcome =
  RelayResult['cause'] | 'handshake' | 'answered' | 'left' | 'denied' | 'unreachable' | 'limit' | 'error'

/** One side of an ended session, with what each subflow carried. */
export interface SideRecord extends Verdict {
  address: string
  subflows?: { local: string; remote: string; sent?: number; received?: number; retransmitted?: number }[]
}

/** What is logged when a session ends. */
export interface SessionRecord {
  session: number
  service: string
  user?: string
  destination?: string
  client: SideRecord
  remote?: SideRecord
  /** Bytes from client to destination, and back. */
  up: number
  down: number
  /** Milliseconds. */
  duration: number
  outcome: Outcome
  error?: string
}
