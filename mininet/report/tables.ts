/** Tables on the page: those the experiment made, and its raw figures. */
import type { ExperimentResult, ResultTable } from '../experiments/result.js'
import { markup, type Markup } from './markup.js'
import { measuresOf, type Measure } from './measures.js'
import { count, figure } from './text.js'

type Cell = string | number | null | undefined

export function tableMarkup({ title, head, rows, notes = [] }: ResultTable): Markup {
  return markup`<div class="table">
${grid(title, head, rows)}
${rows.length === 0 ? markup`<p class="empty">Nothing was measured.</p>` : undefined}
${notes.map((note) => markup`<p class="note">${note}</p>`)}
</div>
`
}

/** Folded: for those who want to know more than the plots show. */
export function rawFigures(experiment: ExperimentResult): Markup {
  const measures = measuresOf(experiment)
  return markup`<details class="raw">
<summary>Raw figures per variant (${count(measures.length, 'row')})</summary>
${grid('Raw figures', RAW_HEAD, measures.map(rawRow))}
</details>
`
}

const RAW_HEAD = ['variant', 'measure', 'of', 'n', 'mean', 'median', 'standard deviation', 'min', 'max']

function rawRow({ variant, measure, of, summary, missing }: Measure): Cell[] {
  const n = summary?.count ?? 0
  return [
    variant,
    measure,
    of,
    missing > 0 ? `${n} (${missing} not measurable)` : n,
    summary?.mean,
    summary?.median,
    summary?.stddev,
    summary?.min,
    summary?.max,
  ]
}

function grid(title: string, head: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const numeric = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] !== 'string'),
  )
  const kind = (column: number): Markup | undefined =>
    numeric[column] === true ? markup` class="number"` : undefined
  // wide tables scroll on their own, by keyboard too; the page's text never does
  return markup`<div class="scroll" role="region" aria-label="${title}" tabindex="0"><table>
<caption>${title}</caption>
<thead><tr>${head.map((cell, column) => markup`<th scope="col"${kind(column)}>${cell}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => markup`<tr>${head.map((_, column) => data(row[column], column, kind(column)))}</tr>\n`)}</tbody>
</table></div>`
}

function data(cell: Cell, column: number, kind: Markup | undefined): Markup {
  const text = typeof cell === 'string' ? cell : figure(cell)
  return column === 0 ? markup`<th scope="row"${kind}>${text}</th>` : markup`<td${kind}>${text}</td>`
}
