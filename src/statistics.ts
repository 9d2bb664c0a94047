/** Statistics of repeated measurements: pure, and the one place where they are computed. */

export interface Summary {
  count: number
  min: number
  mean: number
  median: number
  /** Of the population the values are a sample of (n − 1); undefined for a single value, whose spread is unknown. */
  stddev: number | undefined
  max: number
}

/** Of very many values, e.g. round-trip times: all of what there was, not a sample of it. */
export interface Distribution {
  count: number
  min: number
  mean: number
  /** Of the values as a whole population (n). */
  stddev: number
  /** Percentiles by nearest rank: a value that was measured, never one in between. */
  p50: number
  p90: number
  p99: number
  max: number
}

/** What a box plot draws. */
export interface Box {
  /** Least and greatest value within 1.5 × the interquartile range of the box: where Tukey's whiskers end. */
  low: number
  high: number
  lowerQuartile: number
  median: number
  upperQuartile: number
  mean: number
  /** Beyond the whiskers, ascending. */
  outliers: number[]
}

/** Undefined for no values. */
export function summarize(values: readonly number[]): Summary | undefined {
  const sorted = ascending(values)
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return undefined
  const mean = meanOf(sorted)
  return {
    count: sorted.length,
    min,
    mean,
    median: quantile(sorted, 0.5),
    stddev: sorted.length > 1 ? deviation(sorted, mean) : undefined,
    max,
  }
}

/** Undefined for no values. */
export function distributionOf(values: readonly number[]): Distribution | undefined {
  // the default order of numbers in a typed array, and several times faster for 100,000 of them
  const sorted = Float64Array.from(values).sort()
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return undefined
  const mean = meanOf(sorted)
  const percentile = (p: number): number => sorted[Math.ceil((p / 100) * sorted.length) - 1] ?? max
  return {
    count: sorted.length,
    min,
    mean,
    stddev: Math.sqrt(squares(sorted, mean) / sorted.length),
    p50: percentile(50),
    p90: percentile(90),
    p99: percentile(99),
    max,
  }
}

/** Undefined for no values. */
export function boxOf(values: readonly number[]): Box | undefined {
  if (values.length === 0) return undefined
  const sorted = ascending(values)
  const [lowerQuartile, median, upperQuartile] = [0.25, 0.5, 0.75].map((p) =>
    quantile(sorted, p),
  ) as Quartiles
  const reach = 1.5 * (upperQuartile - lowerQuartile)
  const isInside = (value: number): boolean =>
    value >= lowerQuartile - reach && value <= upperQuartile + reach
  const inside = sorted.filter(isInside)
  return {
    // a quartile lies between values, so that all of its side may be outliers: the whisker is then the box's edge
    low: Math.min(lowerQuartile, inside.at(0) ?? lowerQuartile),
    high: Math.max(upperQuartile, inside.at(-1) ?? upperQuartile),
    lowerQuartile,
    median,
    upperQuartile,
    mean: meanOf(sorted),
    outliers: sorted.filter((value) => !isInside(value)),
  }
}

type Quartiles = [number, number, number]

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

type Values = readonly number[] | Float64Array

function meanOf(values: Values): number {
  let sum = 0
  for (const each of values) sum += each
  return sum / values.length
}

function squares(values: Values, mean: number): number {
  let sum = 0
  for (const each of values) sum += (each - mean) ** 2
  return sum
}

function deviation(values: Values, mean: number): number {
  return Math.sqrt(squares(values, mean) / (values.length - 1))
}

/** Linear between the two nearest values (Hyndman and Fan's type 7, as in R and NumPy); NaN for none. */
function quantile(sorted: readonly number[], p: number): number {
  const rank = p * (sorted.length - 1)
  const below = sorted[Math.floor(rank)] ?? NaN
  const above = sorted[Math.ceil(rank)] ?? NaN
  return below + (rank - Math.floor(rank)) * (above - below)
}
