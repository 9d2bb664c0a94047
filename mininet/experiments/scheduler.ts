import { usable, type Facilities } from './facilities.js'
import type { Experiment, Measurement, Stage, Variant } from './experiment.js'
import { measurementOf, preparePaths, sendOver } from './paths.js'
import type { NotRun, ResultTable, Sample } from './result.js'
import { boxesOf, distributionOf, firstSeries, meanOf, spreadOf, valuesOf, variantsOf } from './samples.js'
import { SCHEDULER_LATENCY, SPREAD_HEAD, spreadRow, OTHER_TESTBED } from './thesis.js'

/** Round-trip times of the cellular link, ms. */
const ROUND_TRIPS = [100, 800] as const
const REFERENCE = 'tcp wlan'

/** The thesis's olia where there is one. */
function congestionFor(facilities: Facilities): string {
  return usable(facilities.congestionControls).includes('olia') ? 'olia' : 'cubic'
}

async function measure(stage: Stage, scheduler: string, roundTrip: number): Promise<Measurement> {
  const { lab, facilities, quick } = stage
  await lab.link('cell').delay(roundTrip / 2)
  const upstream = facilities.flavour === 'upstream'
  // upstream takes it from the namespace when a socket is made, the out-of-tree kernel from the socket
  if (upstream) {
    for (const host of ['client', 'proxy']) {
      await lab.host(host).run(['sysctl', '-qw', `net.mptcp.scheduler=${scheduler}`])
    }
  }
  const traffic = await sendOver(stage, 'bonded', {
    congestion: congestionFor(facilities),
    ...(!upstream && { scheduler }),
    ...lengthOf(quick),
    latency: true,
  })
  return measurementOf(traffic)
}

async function measureReference(stage: Stage): Promise<Measurement> {
  const congestion = congestionFor(stage.facilities)
  return measurementOf(await sendOver(stage, 'wlan', { congestion, ...lengthOf(stage.quick), latency: true }))
}

function lengthOf(quick: boolean): { seconds: number; omit: number } {
  return { seconds: quick ? 5 : 30, omit: 2 }
}

function variants({ schedulers }: Facilities): (Variant | NotRun)[] {
  const reference: Variant = { name: REFERENCE, measure: measureReference }
  const combinations = ROUND_TRIPS.flatMap((roundTrip) =>
    schedulers.map(({ name, reason }): Variant | NotRun => {
      const variant = `${name} ${roundTrip} ms`
      if (reason !== undefined) return { variant, reason }
      return { name: variant, measure: (stage) => measure(stage, name, roundTrip) }
    }),
  )
  return [reference, ...combinations]
}

function table(samples: readonly Sample[]): ResultTable {
  const columns = (what: string): string[] => SPREAD_HEAD.map((each) => `${what} ms ${each}`)
  return {
    title: 'Latency by scheduler and round-trip time of the cellular link',
    head: ['variant', ...columns('RTT'), ...columns('thesis'), ...columns('request'), 'goodput Mbit/s'],
    rows: variantsOf(samples).map((variant) => [
      variant,
      ...spreadOf(distributionOf(samples, variant, 'rttMs')),
      ...spreadRow(SCHEDULER_LATENCY[variant]),
      ...spreadOf(distributionOf(samples, variant, 'latencyMs')),
      meanOf(valuesOf(samples, variant, 'goodputMbit')),
    ]),
    notes: ['Congestion control: olia as in the thesis where this kernel has it, else cubic.', OTHER_TESTBED],
  }
}

export const scheduler: Experiment = {
  name: 'scheduler',
  title: 'Schedulers',
  description:
    'Latency under load with every scheduler of this kernel, with the cellular link at 100 ms and at 800 ms; TCP over WLAN alone beside it.',
  source: 'thesis §9.3',
  topology: 'thesis-paths',
  repetitions: { full: 5, quick: 1 },
  variants,
  prepare: preparePaths,
  figures: (samples) => [
    {
      kind: 'boxes',
      title: 'Request to answer under load',
      y: 'ms',
      groups: boxesOf(samples, 'latencyMs'),
      source: 'thesis, figures 16 and 17',
    },
    {
      kind: 'lines',
      title: 'Throughput (first repetition)',
      x: 's',
      y: 'Mbit/s',
      series: firstSeries(samples, 'mbit'),
    },
  ],
  tables: (samples) => [table(samples)],
}
