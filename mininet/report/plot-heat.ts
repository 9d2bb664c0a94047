/** A figure over two parameters, in colours that turn around a middle. */
import type { Figure } from '../experiments/result.js'
import {
  isNarrow,
  nameAxis,
  nameCharacters,
  plot,
  type Drawing,
  type Layers,
  type LegendEntry,
} from './drawing.js'
import { colour, LIGHT } from './palette.js'
import { figure as number, wrap } from './text.js'

type Heat = Extract<Figure, { kind: 'heat' }>
interface Cell {
  column: number
  row: number
  value: number
  label: string
  class: number
}

const ROW = 34
const CLASSES = LIGHT.heat.length
const NEUTRAL = (CLASSES - 1) / 2
/** Classes so far from the neutral one have their own colour of text. */
const FAR = 3

export function drawHeat(figure: Heat): Drawing {
  const measured = figure.values
    .flat()
    .filter((value): value is number => value !== null && Number.isFinite(value))
  const step = stepOf(measured.map((value) => Math.abs(value - figure.middle)))
  const cells = cellsOf(figure, step)
  const description = describe(figure, measured)
  if (cells.length === 0) return { panels: [], legend: [], description }
  const missing = figure.x.ticks.length * figure.y.ticks.length - cells.length
  return {
    panels: [{ spec: (width) => plot(width, ROW * figure.y.ticks.length, layers(figure, cells, width)) }],
    legend: legend(figure.middle, step, cells),
    note: `Colours turn at ${number(figure.middle)}.${missing > 0 ? ` Empty: not measured (${missing}).` : ''}`,
    description,
  }
}

function cellsOf({ values, middle }: Heat, step: number): Cell[] {
  const greatest = Math.max(...values.flat().map((value) => Math.abs(value ?? 0)))
  const digits = greatest >= 100 ? 0 : greatest >= 10 ? 1 : 2
  return values.flatMap((line, row) =>
    line.flatMap((value, column): Cell[] =>
      value === null || !Number.isFinite(value)
        ? []
        : [{ column, row, value, label: value.toFixed(digits), class: classOf(value, middle, step) }],
    ),
  )
}

/** Steps as people count them, such that the classes reach the furthest value. */
function stepOf(distances: readonly number[]): number {
  const needed = Math.max(...distances, 0) / (NEUTRAL + 0.5)
  if (needed === 0) return 1
  const power = 10 ** Math.floor(Math.log10(needed))
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= needed * (1 - 1e-9)) ?? 10) * power
}

/** Symmetric around the middle: equal distances up and down are equally strong colours. */
function classOf(value: number, middle: number, step: number): number {
  const away = Math.round(Math.abs(value - middle) / step)
  return NEUTRAL + Math.sign(value - middle) * Math.min(away, NEUTRAL)
}

function layers(figure: Heat, cells: readonly Cell[], width: number): Layers {
  const { x, y } = figure
  const { axis } = nameAxis(y.ticks, isNarrow(width) ? 9 : nameCharacters(width))
  const cellWidth = (width - 80) / x.ticks.length
  const columns = x.ticks.map((tick) => wrap(tick, Math.max(3, Math.floor(cellWidth / 7))))
  const encoding = {
    x: {
      field: 'column',
      type: 'ordinal',
      scale: { domain: x.ticks.map((_, index) => index), padding: 0.04 },
      axis: {
        title: x.label,
        labelExpr: `(${JSON.stringify(columns)})[datum.value]`,
        labelAngle: 0,
        labelOverlap: false,
        labelLimit: 0,
        ticks: false,
        domain: false,
      },
    },
    y: {
      field: 'row',
      type: 'ordinal',
      // upwards, as axes go
      scale: { domain: y.ticks.map((_, index) => index).reverse(), padding: 0.04 },
      axis: {
        ...axis,
        title: y.label,
        titleAngle: 0,
        titleAlign: 'left',
        titleAnchor: 'end',
        titleX: 0,
        titleY: -12,
      },
    },
  }
  const data = { values: [...cells] }
  const scale = {
    domain: LIGHT.heat.map((_, index) => index),
    range: LIGHT.heat.map((_, index) => colour(`heat-${index}`)),
  }
  const fontSize = cellWidth >= 34 ? 12 : 10
  return [
    {
      name: 'cells',
      data,
      mark: { type: 'rect' },
      encoding: { ...encoding, color: { field: 'class', type: 'ordinal', scale, legend: null } },
    },
    ...[false, true].map((isFar) => ({
      name: isFar ? 'labels-far' : 'labels',
      data: { values: cells.filter((cell) => Math.abs(cell.class - NEUTRAL) >= FAR === isFar) },
      mark: { type: 'text', fontSize, color: colour(isFar ? 'heatInkFar' : 'heatInk') },
      encoding: { ...encoding, text: { field: 'label' } },
    })),
  ] as Layers
}

function legend(middle: number, step: number, cells: readonly Cell[]): LegendEntry[] {
  const classes = cells.map((cell) => cell.class)
  const [first, last] = [Math.min(...classes), Math.max(...classes)]
  return LIGHT.heat.flatMap((_, index): LegendEntry[] => {
    if (index < first || index > last) return []
    const [from, to] = [index - 0.5, index + 0.5].map((edge) =>
      number(round(middle + (edge - NEUTRAL) * step)),
    )
    return [{ name: `${from} to ${to}`, symbol: 'box', colour: colour(`heat-${index}`) }]
  })
}

/** Sums of steps leave traces in the last digits. */
function round(value: number): number {
  return Number(value.toPrecision(10))
}

function describe({ x, y, values, middle }: Heat, measured: readonly number[]): string {
  const above = measured.filter((value) => value > middle).length
  const rows = values.map(
    (line, row) => `${y.ticks[row] ?? ''}: ${line.map((value) => number(value)).join(', ')}`,
  )
  return (
    `${above} of ${measured.length} values are above ${number(middle)}. ` +
    `Columns, ${x.label}: ${x.ticks.join(', ')}. Rows, ${y.label}: ${rows.join('; ')}`
  )
}
