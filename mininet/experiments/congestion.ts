import type { Experiment, Measurement, Stage } from './experiment.js'
import { forEachUsable } from './facilities.js'
import { measurementOf, preparePaths, sendOver, UPLINKS, type Way } from './paths.js'
import type { Figure, ResultTable, Sample } from './result.js'
import { distributionOf, meanOf, spreadOf, valuesOf } from './samples.js'
import { BONDED_LATENCY, BONDED_MBIT, SPREAD_HEAD, spreadRow, OTHER_LOSS, OTHER_TESTBED } from './thesis.js'

const WAYS: readonly Way[] = ['bonded', ...UPLINKS]
const name = (congestion: string, way: Way): string => `${congestion} ${way}`

async function measure(stage: Stage, congestion: string, way: Way): Promise<Measurement> {
  const latency = way === 'bonded'
  const seconds = stage.quick ? 5 : 30
  return measurementOf(await sendOver(stage, way, { congestion, seconds, omit: 2, latency }))
}

/** Those that were measured, in their order. */
function controlsOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.map(({ variant }) => variant.split(' ')[0] ?? ''))]
}

/** Mean goodput over both uplinks ÷ the sum of the means over each alone; null unless all were measured. */
export function bondingOf(samples: readonly Sample[], congestion: string): number | null {
  const [bonded, ...singles] = WAYS.map((way) =>
    meanOf(valuesOf(samples, name(congestion, way), 'goodputMbit')),
  )
  if (typeof bonded !== 'number' || singles.some((each) => each === null)) return null
  return bonded / singles.reduce<number>((sum, each) => sum + (each ?? 0), 0)
}

function throughput(samples: readonly Sample[]): ResultTable {
  return {
    title: 'Goodput over both uplinks',
    head: [
      'congestion control',
      ...SPREAD_HEAD.map((each) => `Mbit/s ${each}`),
      'WLAN alone',
      'cellular alone',
      'bonded ÷ sum',
      'thesis, two machines',
      'thesis, socket options',
    ],
    rows: controlsOf(samples).map((congestion) => [
      congestion,
      ...spreadOf(pointsOf(samples, name(congestion, 'bonded'))),
      ...UPLINKS.map((uplink) => meanOf(valuesOf(samples, name(congestion, uplink), 'goodputMbit'))),
      bondingOf(samples, congestion),
      BONDED_MBIT[congestion]?.machines ?? null,
      BONDED_MBIT[congestion]?.socketOptions ?? null,
    ]),
    notes: ['Spread over intervals of half a second of all repetitions.', OTHER_TESTBED, OTHER_LOSS],
  }
}

/** The throughput of each interval of all repetitions. */
function pointsOf(samples: readonly Sample[], variant: string): number[] {
  return samples.flatMap((sample) =>
    sample.variant === variant ? (sample.series?.['mbit'] ?? []).map(([, value]) => value) : [],
  )
}

function latency(samples: readonly Sample[]): ResultTable {
  const columns = (what: string): string[] => SPREAD_HEAD.map((each) => `${what} ms ${each}`)
  return {
    title: 'Latency while both uplinks are full',
    head: ['congestion control', ...columns('RTT'), ...columns('thesis'), ...columns('request')],
    rows: controlsOf(samples).map((congestion) => {
      const variant = name(congestion, 'bonded')
      return [
        congestion,
        ...spreadOf(distributionOf(samples, variant, 'rttMs')),
        ...spreadRow(BONDED_LATENCY[congestion]),
        ...spreadOf(distributionOf(samples, variant, 'latencyMs')),
      ]
    }),
    notes: [
      "RTT: the sender's smoothed round-trip time of its fastest subflow, which is what iperf3 shows. Request: from a request to its answer, on an MPTCP connection of its own beside the load.",
      "The thesis's round-trip times of its full links hardly exceed those of the idle ones; here a full queue adds up to 40 ms on WLAN.",
    ],
  }
}

function figures(samples: readonly Sample[]): Figure[] {
  const controls = controlsOf(samples)
  const bonded = (congestion: string): Sample | undefined =>
    samples.find(({ variant, repetition }) => variant === name(congestion, 'bonded') && repetition === 0)
  return [
    {
      kind: 'lines',
      title: 'Throughput over both uplinks (first repetition)',
      x: 's',
      y: 'Mbit/s',
      series: controls.map((each) => ({ name: each, points: bonded(each)?.series?.['mbit'] ?? [] })),
      source: 'thesis, figures 10 and 13',
    },
    {
      kind: 'boxes',
      title: 'Round-trip time while both uplinks are full',
      y: 'ms',
      groups: controls.map((each) => ({
        name: each,
        values: distributionOf(samples, name(each, 'bonded'), 'rttMs'),
      })),
      source: 'thesis, figures 12 and 15',
    },
    {
      kind: 'bars',
      title: 'Mean goodput over both uplinks',
      y: 'Mbit/s',
      bars: controls.flatMap((each) => {
        const value = meanOf(valuesOf(samples, name(each, 'bonded'), 'goodputMbit'))
        const reference = BONDED_MBIT[each]?.machines
        return value === null ? [] : [{ name: each, value, ...(reference !== undefined && { reference }) }]
      }),
      source: 'thesis, figure 11',
    },
  ]
}

export const congestion: Experiment = {
  name: 'congestion',
  title: 'Congestion controls, bonded',
  description:
    'One MPTCP connection over both uplinks with every congestion control of this kernel, set per socket; each uplink alone beside it in turn, so that bonded can be set against the sum. Throughput every half second, round-trip time as the sender sees it, and requests on another connection meanwhile.',
  source: 'thesis §9.2',
  topology: 'thesis-paths',
  repetitions: { full: 5, quick: 1 },
  variants: ({ congestionControls }) =>
    forEachUsable(congestionControls, (control) =>
      WAYS.map((way) => ({
        name: name(control, way),
        measure: (stage: Stage) => measure(stage, control, way),
      })),
    ),
  prepare: preparePaths,
  figures,
  tables: (samples) => [throughput(samples), latency(samples)],
}
