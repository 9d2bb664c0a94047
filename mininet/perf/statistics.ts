/** Statistics of samples: pure. */

export interface Summary {
  count: number
  min: number
  mean: number
  /** Of the samples as a whole population. */
  stddev: number
  /** Percentiles by nearest rank: a value that was measured, never one in between. */
  p50: number
  p90: number
  p99: number
  max: number
}

/** Undefined for no samples. */
export function summarize(samples: readonly number[]): Summary | undefined {
  const sorted = Float64Array.from(samples).sort()
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return undefined
  const mean = sorted.reduce((sum, each) => sum + each, 0) / sorted.length
  const variance = sorted.reduce((sum, each) => sum + (each - mean) ** 2, 0) / sorted.length
  const percentile = (p: number): number => sorted[Math.ceil((p / 100) * sorted.length) - 1] ?? max
  return {
    count: sorted.length,
    min,
    mean,
    stddev: Math.sqrt(variance),
    p50: percentile(50),
    p90: percentile(90),
    p99: percentile(99),
    max,
  }
}
