import { setTimeout as sleep } from 'node:timers/promises'
import type { Experiment, Measurement, Stage } from './experiment.js'
import { forEachUsable } from './facilities.js'
import { preparePaths, wayOf } from './paths.js'
import { ArrivalMeter } from './arrival-meter.js'
import { recoveryOf, REGAINED } from './recovery.js'
import type { Figure, ResultTable, Sample } from './result.js'
import { firstSeries, spreadOf, valuesOf, variantsOf } from './samples.js'
import { REGAIN, SPREAD_HEAD, spreadRow, OTHER_TESTBED } from './thesis.js'
import { OpenTraffic } from './traffic.js'

const KINDS = ['interface down', 'black hole'] as const
type Kind = (typeof KINDS)[number]

/** Seconds. The rate of `before` is what is to be regained; `limit` is how long that is waited for. */
const TIMES = {
  full: { settle: 5, before: 5, outage: 10, limit: 60 },
  quick: { settle: 2, before: 3, outage: 4, limit: 12 },
} as const

/** Resolution of all times, s. */
const INTERVAL = 0.1
const SIGNIFICANT = 100_000

async function measure(stage: Stage, kind: Kind, congestion: string): Promise<Measurement> {
  const { lab, quick, signal } = stage
  const times = TIMES[quick ? 'quick' : 'full']
  const pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, { signal })
  const link = lab.link('wlan')
  const meter = new ArrivalMeter(lab.host('proxy'), 'eth0', signal)
  const options = { ...wayOf(stage, 'bonded'), congestion, interval: INTERVAL, seconds: 600 }
  const traffic = new OpenTraffic(lab.host('client'), options)
  const clock = { down: 0, up: 0, end: 0 }
  try {
    await meter.untilMoved(SIGNIFICANT)
    await pause(times.settle)
    const rate = await meter.rate(times.before)
    clock.down = performance.now()
    await (kind === 'interface down' ? link.down() : link.blackHole())
    await pause(times.outage)
    await (kind === 'interface down' ? link.up() : link.restore())
    clock.up = performance.now()
    await meter.untilRate(rate * REGAINED, times.limit)
    clock.end = performance.now()
    const { intervals, seconds } = await traffic.end()
    // the clocks of both processes are set against each other by the moment at which the traffic ended
    const at = (time: number): number => seconds - (clock.end - time) / 1000
    const outage = { from: at(clock.down) - times.before, down: at(clock.down), up: at(clock.up) }
    const { before, stall, regain } = recoveryOf(intervals, outage)
    return {
      // a rate not regained has no time: the table counts it, no figure invents one
      values: {
        stallSeconds: stall,
        ...(regain !== undefined && { regainSeconds: regain }),
        beforeMbit: before,
      },
      series: { mbit: intervals.map(({ end, mbit }) => [end - outage.down, mbit]) },
    }
  } finally {
    await traffic.stop()
    // a measurement that broke off in the outage must not leave it to the next
    if (kind === 'interface down' && clock.down > 0 && clock.up === 0 && !signal.aborted) await link.up()
  }
}

const congestionOf = (variant: string): string => variant.split(', ')[1] ?? ''

function table(samples: readonly Sample[]): ResultTable {
  const columns = (what: string): string[] => SPREAD_HEAD.map((each) => `${what} s ${each}`)
  return {
    title: 'Outage of WLAN while both uplinks are full',
    head: ['variant', 'n', ...columns('stall'), ...columns('regain'), 'not regained', ...columns('thesis')],
    rows: variantsOf(samples).map((variant) => {
      const own = samples.filter((each) => each.variant === variant)
      const regained = valuesOf(samples, variant, 'regainSeconds')
      return [
        variant,
        own.length,
        ...spreadOf(valuesOf(samples, variant, 'stallSeconds')),
        ...spreadOf(regained),
        own.length - regained.length,
        ...spreadRow(variant.startsWith('interface') ? REGAIN[congestionOf(variant)] : undefined),
      ]
    }),
    notes: [
      'Stall: longest time without any progress at the receiver from the outage on. Regain: from the return of the path to the first two seconds that together carry 90 % of the earlier rate; a path that does not get there within a minute (12 s in quick runs) is counted as not regained. Resolution 0.1 s.',
      `Outages last ${TIMES.full.outage} s (${TIMES.quick.outage} s in quick runs); the thesis does not say how long its own were. Nothing watches the uplinks here: what is seen is the kernel's own recovery.`,
      OTHER_TESTBED,
    ],
  }
}

function figures(samples: readonly Sample[]): Figure[] {
  const boxes = (title: string, key: string, source?: string): Figure => ({
    kind: 'boxes',
    title,
    y: 's',
    groups: variantsOf(samples).map((name) => ({ name, values: valuesOf(samples, name, key) })),
    ...(source !== undefined && { source }),
  })
  return [
    boxes('Time to regain 90 % of the earlier rate', 'regainSeconds', 'thesis, figure 18'),
    boxes('Longest time without progress', 'stallSeconds'),
    ...KINDS.map((kind) => ({
      kind: 'lines' as const,
      title: `Throughput around the outage (${kind}, at 0 s; first repetition)`,
      x: 's',
      y: 'Mbit/s',
      series: firstSeries(
        samples.filter(({ variant }) => variant.startsWith(kind)),
        'mbit',
      ).map(({ name, points }) => ({ name: congestionOf(name), points })),
      source: 'thesis, figure 18',
    })),
  ]
}

export const failover: Experiment = {
  name: 'failover',
  title: 'Outage of an uplink',
  description:
    'WLAN goes away and comes back while one MPTCP connection fills both uplinks: once with the interface taken down, as in the thesis, and once as a silent black hole, where the link stays up and swallows every packet.',
  source: 'thesis §9.4',
  topology: 'thesis-paths',
  repetitions: { full: 15, quick: 2 },
  variants: ({ congestionControls }) =>
    forEachUsable(congestionControls, (control) =>
      KINDS.map((kind) => ({
        name: `${kind}, ${control}`,
        measure: (stage: Stage) => measure(stage, kind, control),
      })),
    ),
  prepare: preparePaths,
  figures,
  tables: (samples) => [table(samples)],
}
