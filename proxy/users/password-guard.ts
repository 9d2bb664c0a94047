/** What all services of a host share about passwords: whose turn it is to have one hashed, and who had too many wrong. */
import { matchesHash } from './password-hash.js'
import { Penalties } from './penalties.js'
import { Turns } from './turns.js'

export interface PasswordGuard {
  readonly penalties: Penalties
  readonly turns: Turns
  /** How long a wrong password is answered after, milliseconds: whatever is wrong with it. */
  readonly answerAfter: number
  /** Monotonic, milliseconds. */
  readonly now: () => number
  /** scrypt, on one of libuv's threads: four, which name service and files need as well. */
  readonly matches: (password: string, stored: string) => Promise<boolean>
}

/** Longer than a hash takes on a small machine. */
const ANSWER_AFTER = 500

export function passwordGuard(more: Partial<PasswordGuard> = {}): PasswordGuard {
  return {
    penalties: new Penalties(),
    turns: new Turns(),
    answerAfter: ANSWER_AFTER,
    now: () => performance.now(),
    matches: matchesHash,
    ...more,
  }
}
