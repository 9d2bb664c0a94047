/** Samples as tables and figures want them: pure. */
import { summarize } from '../../src/statistics.js'
import type { Figure, Sample } from './result.js'

export function variantsOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.map(({ variant }) => variant))]
}

/** One value per repetition; a repetition without it, or that has no number for it, is left out. */
export function valuesOf(samples: readonly Sample[], variant: string, key: string): number[] {
  return samples.flatMap((sample) => {
    const value = sample.variant === variant ? sample.values[key] : undefined
    return value === undefined || !Number.isFinite(value) ? [] : [value]
  })
}

/** All repetitions' values together. */
export function distributionOf(samples: readonly Sample[], variant: string, key: string): number[] {
  return samples.flatMap((sample) => (sample.variant === variant ? (sample.distributions?.[key] ?? []) : []))
}

export function meanOf(values: readonly number[]): number | null {
  return summarize(values)?.mean ?? null
}

/** Mean, median and standard deviation, as columns of a table; null for what there is not. */
export function spreadOf(values: readonly number[]): (number | null)[] {
  const summary = summarize(values)
  return [summary?.mean ?? null, summary?.median ?? null, summary?.stddev ?? null]
}

type Lines = Extract<Figure, { kind: 'lines' }>['series']
type Groups = Extract<Figure, { kind: 'boxes' }>['groups']

/** A figure over time of each variant's first repetition: the mean of several would hide what happens. */
export function firstSeries(samples: readonly Sample[], key: string): Lines {
  return samples
    .filter(({ repetition }) => repetition === 0)
    .flatMap(({ variant, series }) => {
      const points = series?.[key]
      return points === undefined ? [] : [{ name: variant, points }]
    })
}

export function boxesOf(samples: readonly Sample[], key: string): Groups {
  return variantsOf(samples).flatMap((name) => {
    const values = distributionOf(samples, name, key)
    return values.length === 0 ? [] : [{ name, values }]
  })
}
