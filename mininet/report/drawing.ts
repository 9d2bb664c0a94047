/** A figure made ready to be drawn: what all kinds of figures have in common. */
import type { TopLevelSpec } from 'vega-lite'
import { colour } from './palette.js'
import { wrap } from './text.js'

export interface Drawing {
  /** One plot, or several that share their axes; none when there is nothing to show. */
  panels: Panel[]
  legend: LegendEntry[]
  /** How to read the marks. */
  note?: string
  /** What the plot says, for those who cannot see it. */
  description: string
}

export interface Panel {
  name?: string
  /** The plot at this width, CSS pixels. */
  spec: (width: number) => TopLevelSpec
}

export interface LegendEntry {
  name: string
  symbol: 'line' | 'box' | 'hollow box' | 'dot'
  colour: string
  dash?: readonly number[]
}

/** A plot of `layer`s, fitted into `width` with its axes. */
export function plot(width: number, height: number, layer: Layers): TopLevelSpec {
  return {
    width,
    height,
    padding: { left: 2, top: 4, right: 6, bottom: 2 },
    autosize: { type: 'fit-x', contains: 'padding' },
    config: CONFIG,
    layer,
  }
}

export type Layers = Extract<TopLevelSpec, { layer: unknown }>['layer']

const FONT_SIZE = 12
const LINE_HEIGHT = 14

const CONFIG: NonNullable<TopLevelSpec['config']> = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  aria: false,
  axis: {
    labelColor: colour('soft'),
    titleColor: colour('ink'),
    gridColor: colour('grid'),
    domainColor: colour('rule'),
    tickColor: colour('rule'),
    labelFontSize: FONT_SIZE,
    titleFontSize: FONT_SIZE,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelPadding: 5,
    tickSize: 4,
  },
}

/** The axis of values: its title lies above it, to be read without tilting the head. */
export function valueAxis(title: string) {
  return {
    title,
    titleAngle: 0,
    titleAlign: 'left',
    titleAnchor: 'end',
    titleX: 0,
    titleY: -12,
    ticks: false,
  } as const
}

/** An axis of names: categories are told apart by their place, since names may be equal, and are wrapped. */
export function nameAxis(names: readonly string[], characters: number) {
  const lines = names.map((name) => wrap(name, characters))
  const axis = {
    title: null,
    labelLimit: 0,
    labelOverlap: false,
    labelLineHeight: LINE_HEIGHT,
    labelExpr: `(${JSON.stringify(lines)})[datum.value]`,
    // the first line sits at the category's middle unless told: all of them shall
    labelOffset: {
      condition: lines.map(({ length }, index) => ({
        test: `datum.value === ${index}`,
        value: (-(length - 1) * LINE_HEIGHT) / 2,
      })),
      value: 0,
    },
    ticks: false,
    domain: false,
    grid: false,
  } as const
  return { axis, tallest: Math.max(...lines.map(({ length }) => length)) * LINE_HEIGHT }
}

/** Of what names take on the left. */
export function nameCharacters(width: number): number {
  return isNarrow(width) ? 13 : 26
}

export function isNarrow(width: number): boolean {
  return width < 500
}
