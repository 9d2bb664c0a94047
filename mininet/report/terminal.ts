/** A run's results on the terminal. */
import Table from 'cli-table3'
import type { ExperimentResult, NotRun, ResultTable, RunResult } from '../experiments/result.js'
import { measuresOf } from './measures.js'
import { count, duration, figure } from './text.js'

/** Every experiment's tables, and what was not run with the reason; lines without colour. */
export function terminalSummary(result: RunResult): string {
  const { experiments, machine, quick } = result
  const left = experiments.reduce((sum, { notRun }) => sum + notRun.length, 0)
  const end = [
    `${count(experiments.length, 'experiment')}, ${count(left, 'variant')} not run`,
    `kernel ${machine.kernel}, links by ${machine.links}`,
    ...(quick ? ['quick: shortened, figures are rough'] : []),
  ]
  return [...experiments.map(section), end.join('; ')].join('\n\n') + '\n'
}

function section(experiment: ExperimentResult): string {
  const { name, title, source, seconds, tables, notRun } = experiment
  const shown = tables.length > 0 ? tables : [measuresTable(experiment)]
  return [`${name}: ${title} (${source}, ${duration(seconds)})`, ...shown.map(draw), ...missing(notRun)].join(
    '\n',
  )
}

function draw({ title, head, rows, notes = [] }: ResultTable): string {
  if (rows.length === 0) return `${title}: nothing was measured`
  const numeric = head.map((_, column) => rows.every((row) => typeof row[column] !== 'string'))
  const table = new Table({
    head,
    colAligns: numeric.map((isNumber) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  })
  table.push(...rows.map((row) => head.map((_, column) => cell(row[column]))))
  return [title, table.toString(), ...notes.map((note) => `  ${note}`)].join('\n')
}

function cell(value: string | number | null | undefined): string {
  return typeof value === 'string' ? value : figure(value)
}

function missing(notRun: readonly NotRun[]): string[] {
  if (notRun.length === 0) return []
  return ['Not run:', ...notRun.map(({ variant, reason }) => `  ${variant}: ${reason}`)]
}

/** Stands in where an experiment has made no table of its own. */
function measuresTable(experiment: ExperimentResult): ResultTable {
  return {
    title: 'Raw figures',
    head: ['variant', 'measure', 'n', 'mean', 'median', 'std. dev.'],
    rows: measuresOf(experiment).map(({ variant, measure, summary }) => [
      variant,
      measure,
      summary?.count ?? 0,
      summary?.mean ?? null,
      summary?.median ?? null,
      summary?.stddev ?? null,
    ]),
  }
}
