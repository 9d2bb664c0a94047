import type { Experiment, Measurement, Stage } from './experiment.js'
import { usable } from './facilities.js'
import {
  measurementOf,
  pingProxy,
  preparePaths,
  sendOver,
  UPLINK_TITLES,
  UPLINKS,
  type Uplink,
} from './paths.js'
import type { ResultTable, Sample } from './result.js'
import { boxesOf, distributionOf, firstSeries, meanOf, valuesOf, variantsOf } from './samples.js'
import { SINGLE, SINGLE_SOCKET_OPTIONS, OTHER_LOSS, OTHER_TESTBED } from './thesis.js'
import { summarize } from '../../src/statistics.js'

async function measure(stage: Stage, uplink: Uplink, congestion: string): Promise<Measurement> {
  const idle = await pingProxy(stage, uplink, stage.quick ? 10 : 100)
  // what waits for a lost packet at either end of the counted time is up to half a second of data
  const seconds = stage.quick ? 10 : 30
  const measurement = measurementOf(await sendOver(stage, uplink, { congestion, seconds, omit: 3 }))
  return { ...measurement, distributions: { ...measurement.distributions, pingMs: idle } }
}

function table(samples: readonly Sample[]): ResultTable {
  return {
    title: 'Each uplink alone, TCP',
    head: [
      'variant',
      'goodput Mbit/s',
      'thesis, two machines',
      'thesis, socket options',
      'idle RTT ms (median)',
      'RTT under load ms',
      'thesis RTT ms',
    ],
    rows: variantsOf(samples).map((variant) => {
      const uplink = uplinkOf(variant)
      return [
        variant,
        meanOf(valuesOf(samples, variant, 'goodputMbit')),
        SINGLE[uplink].mbit,
        SINGLE_SOCKET_OPTIONS[uplink].mbit,
        summarize(distributionOf(samples, variant, 'pingMs'))?.median ?? null,
        meanOf(distributionOf(samples, variant, 'rttMs')),
        SINGLE[uplink].rttMs,
      ]
    }),
    notes: [
      'Configured: WLAN 20 Mbit/s and 20 ms, cellular 10 Mbit/s and 100 ms with 1 % loss. Rates count Ethernet frames, of which TCP payload is 1448 of 1514 bytes: at most 19.1 and 9.6 Mbit/s of goodput.',
      OTHER_TESTBED,
      OTHER_LOSS,
    ],
  }
}

function uplinkOf(variant: string): Uplink {
  return variant.startsWith('wlan') ? 'wlan' : 'cell'
}

export const single: Experiment = {
  name: 'single',
  title: 'Each uplink alone',
  description:
    'What WLAN and the cellular link give without MPTCP: one TCP connection from the client to the proxy host, bound to the uplink, with every congestion control of this kernel; round-trip times of the idle path by ping. The reference for everything that follows.',
  source: 'thesis §9.1',
  topology: 'thesis-paths',
  repetitions: { full: 5, quick: 1 },
  variants: ({ congestionControls }) =>
    usable(congestionControls).flatMap((congestion) =>
      UPLINKS.map((uplink) => ({
        name: `${uplink} ${congestion}`,
        measure: (stage: Stage) => measure(stage, uplink, congestion),
      })),
    ),
  prepare: preparePaths,
  figures: (samples) => [
    ...UPLINKS.map((uplink) => ({
      kind: 'lines' as const,
      title: `Throughput of ${UPLINK_TITLES[uplink]} alone (first repetition)`,
      x: 's',
      y: 'Mbit/s',
      series: firstSeries(
        samples.filter(({ variant }) => uplinkOf(variant) === uplink),
        'mbit',
      ),
      source: 'thesis, figures 8 and 9',
    })),
    {
      kind: 'boxes',
      title: 'Round-trip time under load',
      y: 'ms',
      groups: boxesOf(samples, 'rttMs'),
      source: 'thesis, figures 8 and 9',
    },
  ],
  tables: (samples) => [table(samples)],
}
