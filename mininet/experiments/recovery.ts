/** What an outage did to a transfer, from its throughput over time: pure. */

export interface Rate {
  /** Seconds, on any clock. */
  start: number
  end: number
  mbit: number
}

export interface Recovery {
  /** Mean over the time before the outage, Mbit/s. */
  before: number
  /** Longest time without any progress from the outage on, s. */
  stall: number
  /** From the path's return to the first {@link WINDOW} that carries {@link REGAINED} of the earlier rate, s; undefined if none does. */
  regain: number | undefined
}

export interface Outage {
  /** Where the time begins that counts as before. */
  from: number
  down: number
  up: number
}

/** Share of the earlier rate that counts as regained. */
export const REGAINED = 0.9
/**
 * Seconds over which the rate is averaged when it is compared. One would be too short: what had to
 * wait for a lost packet is delivered in one piece when that comes, more than the links can carry.
 */
const WINDOW = 2
/** Interval ends are times of timers: two that ought to be equal are within a few milliseconds. */
const SAME = 0.02

export function recoveryOf(rates: readonly Rate[], { from, down, up }: Outage): Recovery {
  const before = meanBetween(rates, from, down)
  return { before, stall: longestStall(rates, down), regain: regainOf(rates, up, before * REGAINED) }
}

/** Seconds of the longest time without any progress that ends after `since`. */
export function longestStall(rates: readonly Rate[], since: number): number {
  let longest = 0
  let started: number | undefined
  for (const { start, end, mbit } of rates) {
    if (end <= since) continue
    if (mbit > 0) {
      started = undefined
      continue
    }
    started ??= start
    longest = Math.max(longest, end - started)
  }
  return longest
}

function regainOf(rates: readonly Rate[], up: number, wanted: number): number | undefined {
  const last = rates.at(-1)?.end ?? 0
  for (const { start } of rates) {
    if (start + SAME < up || start + WINDOW > last + SAME) continue
    if (meanBetween(rates, start, start + WINDOW) >= wanted) return Math.max(0, start - up)
  }
  return undefined
}

/** Of the intervals that lie within; NaN when none does. */
function meanBetween(rates: readonly Rate[], from: number, to: number): number {
  const inside = rates.filter(({ start, end }) => start + SAME >= from && end - SAME <= to)
  const seconds = inside.reduce((sum, { start, end }) => sum + (end - start), 0)
  return inside.reduce((sum, { start, end, mbit }) => sum + mbit * (end - start), 0) / seconds
}
