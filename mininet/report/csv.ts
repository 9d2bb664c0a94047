/** `samples.csv`: every raw value of a run, one a row, quoted as RFC 4180 says. */
import type { ExperimentResult, RunResult, Sample } from '../experiments/result.js'

const HEAD = ['experiment', 'variant', 'repetition', 'measure', 'seconds', 'value']

type Cell = string | number | undefined

/** In blocks of a sample each: long runs hold more rows than one string should. */
export function* csvBlocks(result: RunResult): Generator<string> {
  yield line(HEAD)
  for (const experiment of result.experiments) {
    for (const sample of experiment.samples) {
      yield rows(experiment, sample).map(line).join('')
    }
  }
}

function rows({ name }: ExperimentResult, sample: Sample): Cell[][] {
  const { variant, repetition, values, series = {}, distributions = {} } = sample
  const row = (measure: string, seconds: number | undefined, value: number): Cell[] => [
    name,
    variant,
    repetition,
    measure,
    seconds,
    // as in the JSON, where what is not a number is null
    Number.isFinite(value) ? value : undefined,
  ]
  return [
    ...Object.entries(values).map(([measure, value]) => row(measure, undefined, value)),
    ...Object.entries(series).flatMap(([measure, points]) =>
      points.map(([seconds, value]) => row(measure, seconds, value)),
    ),
    ...Object.entries(distributions).flatMap(([measure, all]) =>
      all.map((value) => row(measure, undefined, value)),
    ),
  ]
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(',')}\r\n`
}

function quote(cell: Cell): string {
  const text = String(cell ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
