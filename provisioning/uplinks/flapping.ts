/** How long an uplink that keeps coming and going is left out before it is taken up again: pure. */

/** Losses within so many milliseconds make an uplink one that flaps, from so many on. */
const WINDOW = 10_000
const MOST = 4
/** An uplink that flaps must have stayed for so long, milliseconds. */
const SETTLED = 2_000

/**
 * @param losses times at which it was lost, ascending
 * @param back since when it is there again
 * @returns milliseconds still to wait, 0 to take it up now. On one clock, milliseconds.
 */
export function settleTime(losses: readonly number[], back: number, now: number): number {
  const recent = losses.filter((each) => each > now - WINDOW)
  return recent.length < MOST ? 0 : Math.max(0, back + SETTLED - now)
}
