import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { summarize } from '../../src/statistics.js'
import type { Experiment, Measurement, Stage } from './experiment.js'
import { measurementOf } from './paths.js'
import { longestStall } from './recovery.js'
import type { ResultTable, Sample } from './result.js'
import { boxesOf, distributionOf, firstSeries, meanOf, valuesOf, variantsOf } from './samples.js'
import { formatTrace, generateTrace, type MobileProfile } from './trace-generator.js'
import { runTraffic, startTrafficServer } from './traffic.js'
import { ping } from './ping.js'

interface MobileLink {
  name: string
  seed: number
  upload: MobileProfile
  download: MobileProfile
}

/**
 * Three providers: a good one, one with frequent gaps, a slow one that is nearly always there.
 * Seeds are such that the first two have outages also in the short time that a quick run replays.
 */
const LINKS: readonly MobileLink[] = [
  {
    name: 'lte1',
    seed: 12,
    upload: { mean: 12, spread: 0.5, coherence: 3, outageEvery: 12, outageLength: 1.5 },
    download: { mean: 24, spread: 0.5, coherence: 3, outageEvery: 12, outageLength: 1.5 },
  },
  {
    name: 'lte2',
    seed: 11,
    upload: { mean: 8, spread: 0.7, coherence: 2, outageEvery: 6, outageLength: 2 },
    download: { mean: 16, spread: 0.7, coherence: 2, outageEvery: 6, outageLength: 2 },
  },
  {
    name: 'lte3',
    seed: 3,
    upload: { mean: 3, spread: 0.4, coherence: 5, outageEvery: 40, outageLength: 1 },
    download: { mean: 6, spread: 0.4, coherence: 5, outageEvery: 40, outageLength: 1 },
  },
]
const BONDED = 'bonded'
/** Seconds after which a trace begins again. */
const TRACE_SECONDS = 120
const INTERVAL = 0.1

const traceFile = ({ folder }: Stage, name: string, direction: string): string =>
  join(folder, `${name}-${direction}.trace`)

async function prepare(stage: Stage): Promise<void> {
  for (const { name, seed, upload, download } of LINKS) {
    const write = (direction: string, profile: MobileProfile, own: number): Promise<void> =>
      writeFile(traceFile(stage, name, direction), formatTrace(generateTrace(profile, TRACE_SECONDS, own)))
    await write('up', upload, seed)
    await write('down', download, seed + 1)
  }
  const { lab } = stage
  await startTrafficServer(lab.host('proxy'))
  const client = lab.host('client')
  for (const { name } of LINKS) {
    await ping(client, { to: lab.host('proxy').address('eth0'), source: client.address(name), count: 2 })
  }
}

/** Every measurement meets the traces from their beginning. */
async function measure(stage: Stage, way: string): Promise<Measurement> {
  const { lab, quick, signal, facilities } = stage
  const client = lab.host('client')
  for (const { name } of LINKS) {
    await lab.link(name).trace(traceFile(stage, name, 'up'), 'aToB')
    await lab.link(name).trace(traceFile(stage, name, 'down'), 'bToA')
  }
  const path =
    way === BONDED
      ? { transport: 'mptcp' as const }
      : { transport: 'tcp' as const, source: client.address(way) }
  const traffic = await runTraffic(
    client,
    {
      ...{ to: lab.host('proxy').address('eth0'), congestion: facilities.defaultCongestion, ...path },
      ...{ seconds: quick ? 15 : 110, interval: INTERVAL, latency: true },
    },
    signal,
  )
  const { values, ...rest } = measurementOf(traffic)
  const silent = traffic.intervals.filter(({ mbit }) => mbit === 0).length
  return {
    values: {
      ...values,
      stallSeconds: longestStall(traffic.intervals, 0),
      silentPercent: (100 * silent) / Math.max(1, traffic.intervals.length),
    },
    ...rest,
  }
}

function table(samples: readonly Sample[]): ResultTable {
  return {
    title: 'Upload over three mobile links',
    head: [
      'variant',
      'goodput Mbit/s',
      'longest stall s',
      'time without progress %',
      ...['median', 'mean', 'max'].map((each) => `request ms ${each}`),
    ],
    rows: variantsOf(samples).map((variant) => {
      const latency = summarize(distributionOf(samples, variant, 'latencyMs'))
      return [
        variant,
        ...['goodputMbit', 'stallSeconds', 'silentPercent'].map((key) =>
          meanOf(valuesOf(samples, variant, key)),
        ),
        ...[latency?.median, latency?.mean, latency?.max].map((each) => each ?? null),
      ]
    }),
    notes: [
      `Traces by mininet/experiments/trace-generator.ts, seeds ${LINKS.map(({ seed }) => seed).join(', ')} (download: one more): synthetic, chosen and not fitted to measurements. Congestion control, on one link too: what MPTCP sockets get by congestion: auto.`,
      'The poster measured a tunnel of its own over three 3G links, with other traces: there are no figures to compare.',
    ],
  }
}

export const mobile: Experiment = {
  name: 'mobile',
  title: 'Three mobile links with outages',
  description:
    'A moving client sends over three providers whose rates wander and that each have outages, replayed from traces: each link alone by TCP, and all three by one MPTCP connection. What counts for telemedicine is how long nothing gets through.',
  source: 'poster and abstract on multihoming for mobile medical care',
  topology: 'mobile',
  repetitions: { full: 3, quick: 1 },
  variants: () =>
    [BONDED, ...LINKS.map(({ name }) => name)].map((way) => ({
      name: way,
      measure: (stage: Stage) => measure(stage, way),
    })),
  prepare,
  figures: (samples) => [
    {
      kind: 'lines',
      title: 'Throughput of the upload (first repetition)',
      x: 's',
      y: 'Mbit/s',
      series: firstSeries(samples, 'mbit'),
      source: 'abstract, figure 2',
    },
    {
      kind: 'bars',
      title: 'Longest time without progress',
      y: 's',
      bars: variantsOf(samples).flatMap((name) => {
        const value = meanOf(valuesOf(samples, name, 'stallSeconds'))
        return value === null ? [] : [{ name, value }]
      }),
    },
    {
      kind: 'boxes',
      title: 'Request to answer beside the upload',
      y: 'ms',
      groups: boxesOf(samples, 'latencyMs'),
      source: 'poster, figure 3',
    },
  ],
  tables: (samples) => [table(samples)],
}
