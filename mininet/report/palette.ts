/**
 * The page's colours, by name, on light and dark ground; figures use them as CSS variables, so that one
 * drawing serves both and print. Series: after Okabe and Ito's set for all kinds of colour vision, darkened
 * or lightened until each stands out from its ground; dashes say the same a second time.
 */

export interface Scheme {
  ground: string
  raised: string
  ink: string
  soft: string
  rule: string
  grid: string
  accent: string
  accentSoft: string
  reference: string
  warning: string
  warningGround: string
  series: readonly [string, ...string[]]
  /** From far below the middle to far above; as many on either side of the neutral one. */
  heat: readonly string[]
  /** Text upon the classes near the middle, and upon those far from it. */
  heatInk: string
  heatInkFar: string
}

export const LIGHT: Scheme = {
  ground: '#ffffff',
  raised: '#f5f6f8',
  ink: '#1b1f24',
  soft: '#555d66',
  rule: '#cfd4da',
  grid: '#e4e7eb',
  accent: '#0064a3',
  accentSoft: '#b9d9ee',
  reference: '#8a6d3b',
  warning: '#8f3d00',
  warningGround: '#fff4e5',
  series: ['#0064a3', '#c24e00', '#007a59', '#a3427f'],
  heat: ['#8c3a00', '#b3560b', '#f0a35e', '#fbd6ae', '#f3f3f1', '#bfdcf0', '#7fb8de', '#2474ab', '#0a4f80'],
  heatInk: '#1b1f24',
  heatInkFar: '#ffffff',
}

export const DARK: Scheme = {
  ground: '#14171b',
  raised: '#1d2127',
  ink: '#e8eaed',
  soft: '#a7afb8',
  rule: '#3a414a',
  grid: '#2a3038',
  accent: '#5eb4ee',
  accentSoft: '#1d4666',
  reference: '#c9a86a',
  warning: '#ffb37a',
  warningGround: '#2e2117',
  series: ['#5eb4ee', '#ff9652', '#3ccfa4', '#e394c6'],
  heat: ['#ffb27a', '#e58538', '#a9581a', '#603517', '#2b3037', '#1c4464', '#22699c', '#4499d6', '#93cdf5'],
  heatInk: '#f2f4f6',
  heatInkFar: '#10141a',
}

export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 2.5], [9, 3, 2, 3]]

/** `--ground: #fff; …` */
export function variables(scheme: Scheme): string {
  const { series, heat, ...single } = scheme
  return [
    ...Object.entries(single).map(([name, colour]) => `--${name}: ${colour}`),
    ...series.map((colour, index) => `--series-${index}: ${colour}`),
    ...heat.map((colour, index) => `--heat-${index}: ${colour}`),
  ].join('; ')
}

/** A name of the scheme, as figures and style sheet write it. */
export function colour(
  name: Exclude<keyof Scheme, 'series' | 'heat'> | `series-${number}` | `heat-${number}`,
) {
  return `var(--${name})`
}
