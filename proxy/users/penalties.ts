/**
 * What wrong passwords cost the source they come from, as OpenSSH's PerSourcePenalties
 * (sshd_config(5)): each adds a while, and once that is long enough, new passwords from there
 * are not looked at until it is over.
 */
import { isLoopback } from '../../src/address.js'

/** Milliseconds: what one wrong password adds, from which sum it is enforced, and the longest sum. */
export const PENALTY = { each: 5000, enforced: 15_000, most: 600_000 }
/** All programs of this host share loopback: one of them must not keep the others out for long. */
const MOST_LOOPBACK = 20_000
/** Sources remembered. */
const MOST_SOURCES = 65_536
/**
 * How many wrong passwords a second, and at once, are compared for a penalised source with the one
 * that a user from there gave before: the right one stays good for the programs behind it, while
 * one among them guesses at another's.
 */
const GUESSES = { rate: 20, burst: 100 }

interface Debt {
  until: number
  enforced: boolean
  /** Left of {@link GUESSES} at the time. */
  guesses: number
  counted: number
}

export class Penalties {
  readonly #debts = new Map<string, Debt>()

  /** A password of this source was wrong. @param block the source as {@link sourceBlock} has it @param now milliseconds */
  wrong(block: string, now: number): void {
    const debt = this.#debtOf(block, now) ?? {
      until: now,
      enforced: false,
      guesses: GUESSES.burst,
      counted: now,
    }
    debt.until = Math.min(debt.until + PENALTY.each, now + (isLoopback(block) ? MOST_LOOPBACK : PENALTY.most))
    debt.enforced ||= debt.until - now >= PENALTY.enforced
    this.#debts.delete(block)
    this.#debts.set(block, debt)
    this.#forget(now)
  }

  /** Whether new passwords of this source are not looked at. */
  enforced(block: string, now: number): boolean {
    return this.#debtOf(block, now)?.enforced === true
  }

  /** Whether a password is compared with one that has been right from there. */
  mayCompare(block: string, now: number): boolean {
    return this.#guessesOf(block, now) >= 1
  }

  /** It was another one. */
  guessed(block: string, now: number): void {
    const left = this.#guessesOf(block, now)
    const debt = this.#debtOf(block, now)
    if (debt !== undefined) debt.guesses = Math.max(0, left - 1)
  }

  #guessesOf(block: string, now: number): number {
    const debt = this.#debtOf(block, now)
    if (debt === undefined) return GUESSES.burst
    const earned = ((now - debt.counted) / 1000) * GUESSES.rate
    debt.guesses = Math.min(GUESSES.burst, debt.guesses + earned)
    debt.counted = now
    return debt.guesses
  }

  /** Of those that have waited longest: what is paid, and what there is no room for. */
  #forget(now: number): void {
    for (const [block, { until }] of this.#debts) {
      if (now < until && this.#debts.size <= MOST_SOURCES) return
      this.#debts.delete(block)
    }
  }

  #debtOf(block: string, now: number): Debt | undefined {
    const debt = this.#debts.get(block)
    if (debt === undefined || now < debt.until) return debt
    this.#debts.delete(block)
    return undefined
  }
}
