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
 * How many passwords a second, and at once, are compared for a penalised source with the one that
 * a user from there gave before: enough for every program behind it, and too few to guess.
 */
const COMPARISONS = { rate: 20, burst: 100 }

interface Debt {
  until: number
  enforced: boolean
  comparisons: number
  counted: number
}

export class Penalties {
  readonly #debts = new Map<string, Debt>()

  /** A password of this source was wrong. @param block the source as {@link sourceBlock} has it @param now milliseconds */
  wrong(block: string, now: number): void {
    const debt = this.#debtOf(block, now) ?? { until: now, enforced: false, comparisons: COMPARISONS.burst, counted: now }
    debt.until = Math.min(debt.until + PENALTY.each, now + (isLoopback(block) ? MOST_LOOPBACK : PENALTY.most))
    debt.enforced ||= debt.until - now >= PENALTY.enforced
    this.#debts.delete(block)
    this.#debts.set(block, debt)
    const [oldest] = this.#debts.keys()
    if (this.#debts.size > MOST_SOURCES && oldest !== undefined) this.#debts.delete(oldest)
  }

  /** Whether new passwords of this source are not looked at. */
  enforced(block: string, now: number): boolean {
    return this.#debtOf(block, now)?.enforced === true
  }

  /** Whether one that a user from there may have given before is; counts as such. */
  mayCompare(block: string, now: number): boolean {
    const debt = this.#debtOf(block, now)
    if (debt?.enforced !== true) return true
    const earned = ((now - debt.counted) / 1000) * COMPARISONS.rate
    debt.comparisons = Math.min(COMPARISONS.burst, debt.comparisons + earned)
    debt.counted = now
    if (debt.comparisons < 1) return false
    debt.comparisons--
    return true
  }

  #debtOf(block: string, now: number): Debt | undefined {
    const debt = this.#debts.get(block)
    if (debt === undefined || now < debt.until) return debt
    this.#debts.delete(block)
    return undefined
  }
}
