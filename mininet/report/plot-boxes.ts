/** Distributions side by side. */
import type { Figure } from '../experiments/result.js'
import { boxOf, type Box } from '../../src/statistics.js'
import { isNarrow, nameAxis, nameCharacters, plot, type Drawing, type Layers } from './drawing.js'
import { colour } from './palette.js'
import { figure as number } from './text.js'

type Boxes = Extract<Figure, { kind: 'boxes' }>
interface Group {
  name: string
  count: number
  /** Undefined when nothing was measured. */
  box: Box | undefined
}

const ROW = 34
/** From here on a linear axis would show all boxes but the widest as lines. */
const LOGARITHMIC = 100
/** Outliers nearer to one another than this part of the axis are one dot. */
const RESOLUTION = 1 / 400

export function drawBoxes(figure: Boxes): Drawing {
  const groups = figure.groups.map(({ name, values }): Group => {
    const finite = values.filter(Number.isFinite)
    return { name, count: finite.length, box: boxOf(finite) }
  })
  const description = `${figure.y}. ${groups.map(describe).join('; ')}`
  if (!groups.some(({ box }) => box !== undefined)) return { panels: [], legend: [], description }
  const names = groups.map(({ name, count }) => `${name} (n\u00a0=\u00a0${count})`)
  return {
    panels: [
      {
        spec: (width) => {
          const { axis, tallest } = nameAxis(names, nameCharacters(width))
          const height = Math.max(ROW, tallest + 6) * groups.length
          return plot(width, height, layers(groups, axes(figure, groups, axis, width)))
        },
      },
    ],
    legend: [{ name: 'mean', symbol: 'dot', colour: colour('ink') }],
    note: 'Box: quartiles and median; whiskers: furthest value within 1.5 × the box’s length; dots: beyond.',
    description,
  }
}

function layers(groups: readonly Group[], { x, y }: ReturnType<typeof axes>): Layers {
  const span = spanOf(groups)
  const boxes = groups.flatMap(({ box }, group) => {
    if (box === undefined) return []
    const { outliers, ...rest } = box
    return [{ group, ...rest, outliers: thin(outliers, span) }]
  })
  const outliers = boxes.flatMap(({ group, outliers }) => outliers.map((value) => ({ group, value })))
  const data = { values: boxes }
  const upTo = (field: string) => ({ x2: { field } })
  return [
    {
      name: 'whiskers',
      data,
      mark: { type: 'rule', color: colour('accent'), strokeWidth: 1.5 },
      encoding: { y, x: x('low'), ...upTo('high') },
    },
    {
      name: 'boxes',
      data,
      mark: {
        type: 'bar',
        height: 18,
        fill: colour('accentSoft'),
        stroke: colour('accent'),
        strokeWidth: 1.5,
      },
      encoding: { y, x: x('lowerQuartile'), ...upTo('upperQuartile') },
    },
    {
      name: 'medians',
      data,
      mark: { type: 'tick', color: colour('accent'), thickness: 3, size: 18 },
      encoding: { y, x: x('median') },
    },
    {
      name: 'means',
      data,
      mark: { type: 'point', shape: 'diamond', filled: true, size: 50, color: colour('ink'), opacity: 1 },
      encoding: { y, x: x('mean') },
    },
    {
      name: 'outliers',
      data: { values: outliers },
      mark: { type: 'point', size: 14, color: colour('accent'), opacity: 0.8, strokeWidth: 1 },
      encoding: { y, x: x('value') },
    },
  ] as Layers
}

function axes(figure: Boxes, groups: readonly Group[], nameAxis: object, width: number) {
  const [least, greatest] = spanOf(groups)
  const isLogarithmic = least > 0 && greatest / least > LOGARITHMIC
  const scale = isLogarithmic
    ? { type: 'log', domain: [least, greatest], nice: true }
    : { domain: [Math.min(0, least), Math.max(0, greatest)], nice: true }
  const axis = {
    title: isLogarithmic ? `${figure.y}, logarithmic` : figure.y,
    tickCount: isNarrow(width) ? 4 : 8,
    domain: false,
    ticks: false,
    ...(isLogarithmic ? { format: '~g' } : {}),
  }
  return {
    x: (field: string) => ({ field, type: 'quantitative', scale, axis }),
    y: {
      field: 'group',
      type: 'ordinal',
      scale: { domain: groups.map((_, index) => index) },
      axis: nameAxis,
    },
  }
}

function spanOf(groups: readonly Group[]): [least: number, greatest: number] {
  const ends = groups.flatMap(({ box }) => (box === undefined ? [] : [box.low, box.high, ...box.outliers]))
  return [ends.reduce((a, b) => Math.min(a, b)), ends.reduce((a, b) => Math.max(a, b))]
}

/** Thousands of dots upon one another would swell the page and show the same. */
function thin(ascending: readonly number[], [least, greatest]: readonly [number, number]): number[] {
  const apart = (greatest - least) * RESOLUTION
  const kept: number[] = []
  for (const value of ascending) {
    const last = kept.at(-1)
    if (last === undefined || value - last >= apart) kept.push(value)
  }
  return kept
}

function describe({ name, count, box }: Group): string {
  if (box === undefined) return `${name}: not measured`
  const { median, lowerQuartile, upperQuartile, mean } = box
  return (
    `${name}: median ${number(median)}, quartiles ${number(lowerQuartile)} and ${number(upperQuartile)}, ` +
    `mean ${number(mean)} of ${count}`
  )
}
