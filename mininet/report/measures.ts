/** The raw figures of an experiment, summed up per variant and measure. */
import type { ExperimentResult, Sample } from '../experiments/result.js'
import { summarize, type Summary } from '../../src/statistics.js'

export interface Measure {
  variant: string
  measure: string
  /** One value per repetition, points over time, or a distribution; the latter two of all repetitions together. */
  of: 'repetitions' | 'points in time' | 'single values'
  /** Of the finite ones; undefined when there are none. */
  summary: Summary | undefined
  /** Values that are no number, e.g. of a transfer that never came back. */
  missing: number
}

/** In the order of the samples; variants together. */
export function measuresOf({ samples }: ExperimentResult): Measure[] {
  const variants = [...new Set(samples.map(({ variant }) => variant))]
  return variants.flatMap((variant) => {
    const own = samples.filter((sample) => sample.variant === variant)
    return [
      ...collect(variant, 'repetitions', own.flatMap(single)),
      ...collect(variant, 'points in time', own.flatMap(overTime)),
      ...collect(variant, 'single values', own.flatMap(distributed)),
    ]
  })
}

type Values = readonly [measure: string, values: readonly number[]]

const single = (sample: Sample): Values[] =>
  Object.entries(sample.values).map(([name, value]) => [name, [value]])

const overTime = ({ series = {} }: Sample): Values[] =>
  Object.entries(series).map(([name, points]) => [name, points.map(([, value]) => value)])

const distributed = ({ distributions = {} }: Sample): Values[] => Object.entries(distributions)

function collect(variant: string, of: Measure['of'], entries: readonly Values[]): Measure[] {
  const names = [...new Set(entries.map(([name]) => name))]
  return names.map((measure) => {
    const all = entries.filter(([name]) => name === measure).flatMap(([, values]) => values)
    const finite = all.filter(Number.isFinite)
    return { variant, measure, of, summary: summarize(finite), missing: all.length - finite.length }
  })
}
