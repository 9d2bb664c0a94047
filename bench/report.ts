/** Tables of figures and of ratios. */
import Table from 'cli-table3'
import { ratio, show, summarise, type Summary } from './stats.js'
import type { Row } from './contest.js'

export interface Figure {
  key: string
  /** With its unit. */
  title: string
  digits: number
  better: 'lower' | 'higher'
  /** Left out of the ratios: a count that ought to be 0. */
  absolute?: true
}

const values = (row: Row, key: string): number[] => row.rounds.map((round) => round[key] ?? NaN)
const complete = (row: Row): boolean => row.failure === undefined && row.rounds.length > 0

/** Of every scenario: the figures of all, then ours ÷ each rival's. */
export function report(rows: readonly Row[], figures: readonly Figure[]): string {
  const scenarios = [...new Set(rows.map((row) => row.scenario))]
  return scenarios
    .map((scenario) => {
      const members = rows.filter((row) => row.scenario === scenario)
      return [figureTable(scenario, members, figures), ...ratioTables(members, figures)].join('\n')
    })
    .join('\n\n')
}

function table(head: string[], body: string[][]): string {
  const out = new Table({ head, style: { head: [], border: [], compact: true } })
  out.push(...body)
  return out.toString()
}

function figureTable(scenario: string, rows: readonly Row[], figures: readonly Figure[]): string {
  const body = rows.map((row) => [
    row.name,
    ...figures.map(({ key, digits }) =>
      complete(row) ? show(summarise(values(row, key)), digits) : 'failed',
    ),
  ])
  const failures = rows.flatMap((row) => (row.failure === undefined ? [] : [`${row.name}: ${row.failure}`]))
  const head = [`${scenario}: median (range)`, ...figures.map((figure) => figure.title)]
  return [table(head, body), ...failures].join('\n')
}

/** For each of ours one table; the best of all rivals in a figure is marked, for that is the one to beat. */
function ratioTables(rows: readonly Row[], figures: readonly Figure[]): string[] {
  const rivals = rows.filter((row) => !row.ours && complete(row))
  const ours = rows.filter((row) => row.ours && complete(row))
  if (rivals.length === 0) return []
  const compared = figures.filter((figure) => figure.absolute === undefined)
  return ours.map((own) => {
    const body = rivals.map((rival) => [
      rival.name,
      ...compared.map((figure) => {
        const text = show(ratioOf(own, rival, figure), 2)
        return best(rivals, figure) === rival ? `${text} *` : text
      }),
    ])
    const head = [
      `${own.name} ÷ … (* best rival)`,
      ...compared.map((figure) => figure.title.replace(/,.*/, '')),
    ]
    return table(head, body)
  })
}

function ratioOf(own: Row, rival: Row, { key }: Figure): Summary {
  return ratio(values(own, key), values(rival, key))
}

function best(rows: readonly Row[], { key, better }: Figure): Row | undefined {
  const sign = better === 'lower' ? 1 : -1
  const order = (row: Row): number => sign * summarise(values(row, key)).median
  return [...rows].sort((a, b) => order(a) - order(b))[0]
}
