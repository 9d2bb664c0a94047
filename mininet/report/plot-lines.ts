/** Figures over time or over a parameter. */
import type { Figure } from '../experiments/result.js'
import { summarize } from '../../src/statistics.js'
import { isNarrow, plot, valueAxis, type Drawing, type Layers, type Panel } from './drawing.js'
import { colour, DASHES, LIGHT } from './palette.js'
import { figure as number } from './text.js'

type Lines = Extract<Figure, { kind: 'lines' }>
type Series = Lines['series'][number]
interface Row {
  series: number
  x: number
  y: number | null
}

/** More lines than this in one plot cannot be told apart. */
const TOGETHER = LIGHT.series.length
/** With fewer points than this each is marked, so that one sees where was measured. */
const SPARSE = 30

export function drawLines(figure: Lines): Drawing {
  const series = figure.series.filter(({ points }) => points.some(([, y]) => Number.isFinite(y)))
  const description = describe(figure, series)
  if (series.length === 0) return { panels: [], legend: [], description }
  const rows = series.flatMap(rowsOf)
  if (series.length > TOGETHER) {
    return {
      panels: series.map(({ name }, index) => panel(figure, rows, index, name)),
      legend: [],
      note: 'One plot per line, the others faint behind it; the axes are the same.',
      description,
    }
  }
  const indices = series.map((_, index) => index)
  const layers = [linesLayer(rows, indices), ...points(rows, indices)]
  return {
    panels: [{ spec: (width) => plot(width, isNarrow(width) ? 220 : 280, withAxes(figure, rows, layers)) }],
    legend: series.map(({ name }, index) => ({ name, symbol: 'line', ...styleOf(index) })),
    description,
  }
}

function panel(figure: Lines, rows: readonly Row[], index: number, name: string): Panel {
  const layers: Layers = [
    {
      name: 'others',
      data: { values: rows.filter(({ series }) => series !== index) },
      mark: { type: 'line', strokeWidth: 1, color: colour('rule') },
      encoding: { detail: { field: 'series' } },
    },
    {
      name: 'series',
      data: { values: rows.filter(({ series }) => series === index) },
      mark: { type: 'line', strokeWidth: 2, color: colour('accent') },
    },
  ]
  return { name, spec: (width) => plot(width, 160, withAxes(figure, rows, layers)) }
}

function linesLayer(rows: readonly Row[], indices: readonly number[]): Layers[number] {
  return {
    name: 'series',
    data: { values: [...rows] },
    mark: { type: 'line', strokeWidth: 2 },
    encoding: {
      color: seriesColour(indices),
      strokeDash: {
        field: 'series',
        type: 'nominal',
        scale: { domain: [...indices], range: indices.map((index) => [...styleOf(index).dash]) },
        legend: null,
      },
    },
  }
}

function points(rows: readonly Row[], indices: readonly number[]): Layers {
  const most = Math.max(...indices.map((index) => rows.filter(({ series }) => series === index).length))
  if (most > SPARSE) return []
  return [
    {
      name: 'points',
      data: { values: rows.filter(({ y }) => y !== null) },
      mark: { type: 'point', filled: true, size: 36, opacity: 1 },
      encoding: { color: seriesColour(indices) },
    },
  ]
}

function seriesColour(indices: readonly number[]) {
  return {
    field: 'series',
    type: 'nominal',
    scale: { domain: [...indices], range: indices.map((index) => styleOf(index).colour) },
    legend: null,
  } as const
}

/** Axes over all rows, so that plots side by side can be compared. */
function withAxes({ x, y }: Lines, rows: readonly Row[], layers: Layers): Layers {
  const across = rows.map((row) => row.x)
  const up = rows.flatMap((row) => (row.y === null ? [] : [row.y]))
  const [first, last] = [least(across), greatest(across)]
  // an axis of time begins at its beginning, though the first interval ends later
  const xDomain = [first > 0 && first < last / 10 ? 0 : first, last]
  const yDomain = [Math.min(0, least(up)), Math.max(0, greatest(up))]
  return layers.map((layer) => ({
    ...layer,
    encoding: {
      ...('encoding' in layer ? layer.encoding : {}),
      x: {
        field: 'x',
        type: 'quantitative',
        scale: { domain: xDomain, nice: false },
        axis: { title: x, grid: false, tickCount: 6 },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        scale: { domain: yDomain, nice: true },
        axis: { ...valueAxis(y), domain: false, tickCount: 5 },
      },
    },
  })) as Layers
}

// spread into Math.min, long series would overflow the stack
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b))
const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b))

function rowsOf({ points }: Series, series: number): Row[] {
  return points
    .filter(([x]) => Number.isFinite(x))
    .map(([x, y]) => ({ series, x, y: Number.isFinite(y) ? y : null }))
}

function styleOf(index: number) {
  return { colour: colour(`series-${index}`), dash: DASHES[index] ?? [] }
}

function describe({ x, y }: Lines, series: readonly Series[]): string {
  const means = series.map(({ name, points }) => {
    const summary = summarize(points.map(([, value]) => value).filter(Number.isFinite))
    return `${name}: mean ${number(summary?.mean)}, from ${number(summary?.min)} to ${number(summary?.max)}`
  })
  return `${y} over ${x}. ${means.join('; ')}`
}
