/** One figure per variant, with the source's beside it. */
import type { TopLevelSpec } from 'vega-lite'
import type { Figure } from '../experiments/result.js'
import { isNarrow, nameAxis, nameCharacters, plot, type Drawing, type Layers } from './drawing.js'
import { colour } from './palette.js'
import { figure as number } from './text.js'

type Bars = Extract<Figure, { kind: 'bars' }>
interface Row {
  bar: number
  of: 'ours' | 'reference'
  value: number
  label: string
}

const ROW = { alone: 30, beside: 46 }
/** Room for a figure at the end of a bar, part of the longest one. */
const LABEL_ROOM = { wide: 0.1, narrow: 0.22 }

export function drawBars(figure: Bars): Drawing {
  const { bars, source } = figure
  const description = `${figure.y}. ${bars.map(describe).join('; ')}`
  const rows = bars.flatMap(rowsOf)
  if (!bars.some(({ value }) => Number.isFinite(value))) return { panels: [], legend: [], description }
  const beside = bars.some(({ reference }) => reference !== undefined)
  return {
    panels: [{ spec: (width) => draw(figure, rows, beside, width) }],
    legend: beside
      ? [
          { name: 'measured here', symbol: 'box', colour: colour('accent') },
          { name: source ?? 'reference', symbol: 'hollow box', colour: colour('reference') },
        ]
      : [],
    description,
  }
}

function rowsOf({ value, reference }: Bars['bars'][number], bar: number): Row[] {
  const measured = Number.isFinite(value)
  const ours: Row = measured
    ? { bar, of: 'ours', value, label: number(value) }
    : { bar, of: 'ours', value: 0, label: 'not measured' }
  if (reference === undefined) return [ours]
  return [ours, { bar, of: 'reference', value: reference, label: number(reference) }]
}

function draw({ y: title, bars }: Bars, rows: readonly Row[], beside: boolean, width: number): TopLevelSpec {
  const room = 1 + (isNarrow(width) ? LABEL_ROOM.narrow : LABEL_ROOM.wide)
  const values = rows.map(({ value }) => value)
  const { axis, tallest } = nameAxis(
    bars.map(({ name }) => name),
    nameCharacters(width),
  )
  const encoding = {
    y: {
      field: 'bar',
      type: 'ordinal',
      scale: { domain: bars.map((_, index) => index), paddingInner: 0.3, paddingOuter: 0.15 },
      axis,
    },
    ...(beside
      ? { yOffset: { field: 'of', type: 'nominal', scale: { domain: ['ours', 'reference'] } } }
      : {}),
    x: {
      field: 'value',
      type: 'quantitative',
      scale: { domain: [Math.min(0, ...values) * room, Math.max(0, ...values) * room], nice: false },
      axis: { title, tickCount: isNarrow(width) ? 4 : 8, domain: false, ticks: false },
    },
  }
  const only = (of: Row['of']) => ({ values: rows.filter((row) => row.of === of) })
  const text = (of: Row['of'], sign: 1 | -1) => ({
    name: `${of}-${sign > 0 ? 'up' : 'down'}`,
    data: { values: only(of).values.filter(({ value }) => (value < 0 ? -1 : 1) === sign) },
    mark: {
      type: 'text',
      align: sign > 0 ? 'left' : 'right',
      dx: 4 * sign,
      fontSize: 12,
      color: colour(of === 'ours' ? 'ink' : 'soft'),
    },
    encoding: { ...encoding, text: { field: 'label' } },
  })
  const height = Math.max(beside ? ROW.beside : ROW.alone, tallest + 8) * bars.length
  return plot(width, height, [
    { name: 'ours', data: only('ours'), mark: { type: 'bar', color: colour('accent') }, encoding },
    {
      name: 'reference',
      data: only('reference'),
      // hollow and dashed: told from ours without any colour
      mark: {
        type: 'bar',
        fill: 'transparent',
        stroke: colour('reference'),
        strokeWidth: 1.5,
        strokeDash: [4, 2],
      },
      encoding,
    },
    text('ours', 1),
    text('ours', -1),
    text('reference', 1),
    text('reference', -1),
  ] as Layers)
}

function describe({ name, value, reference }: Bars['bars'][number]): string {
  return `${name}: ${number(value)}${reference === undefined ? '' : `, reference ${number(reference)}`}`
}
