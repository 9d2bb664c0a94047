/** What the tables say of repeated measurements. */

export interface Summary {
  median: number
  min: number
  max: number
}

/** @throws {RangeError} when there is nothing to summarise */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const [min, max] = [sorted.at(0), sorted.at(-1)]
  const [low, high] = [sorted.at((sorted.length - 1) >> 1), sorted.at(sorted.length >> 1)]
  if (min === undefined || max === undefined || low === undefined || high === undefined) {
    throw new RangeError('expected at least one measurement, found none')
  }
  return { median: (low + high) / 2, min, max }
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
