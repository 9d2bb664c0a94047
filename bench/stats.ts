/** What the tables say of repeated measurements. */
import { summarize } from '../src/statistics.js'

export interface Summary {
  median: number
  min: number
  max: number
}

/** @throws {RangeError} when there is nothing to summarise */
export function summarise(values: readonly number[]): Summary {
  const summary = summarize(values)
  if (summary === undefined) throw new RangeError('expected at least one measurement, found none')
  const { median, min, max } = summary
  return { median, min, max }
}

/**
 * Ours ÷ theirs: the ratio of the medians, and the range of the ratios round by round.
 * Rounds alternate, so what slows the machine for a while slows both of a round.
 * @throws {RangeError} when the rounds do not pair up
 */
export function ratio(ours: readonly number[], theirs: readonly number[]): Summary {
  if (ours.length !== theirs.length) {
    throw new RangeError(`expected as many rounds of both, found ${ours.length} and ${theirs.length}`)
  }
  const rounds = summarise(ours.map((value, round) => value / (theirs[round] ?? NaN)))
  return { ...rounds, median: summarise(ours).median / summarise(theirs).median }
}

/** `0.43 (0.41–0.46)` */
export function show(summary: Summary, digits: number): string {
  const [median, min, max] = [summary.median, summary.min, summary.max].map((value) => value.toFixed(digits))
  return `${median} (${min}–${max})`
}
