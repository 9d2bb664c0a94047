import { copyFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { summarize } from '../../src/statistics.js'
import { MptkError } from '../../src/errors.js'
import { EXAMPLE_CONFIG, EXAMPLE_USER, installExample, runMptk } from '../shipped-example.js'
import type { Topology } from '../topology.js'
import { startWebServer } from '../web-server.js'
import type { Experiment, Measurement, Stage, Variant } from './experiment.js'
import type { Figure, ResultTable, Sample } from './result.js'
import { valuesOf } from './samples.js'
import { queueFrames } from './unequal.js'

/** Mbit/s, ms of round trip, percent of packets lost in each direction. */
interface Line {
  rate: number
  roundTrip: number
  loss: number
}

interface Pair {
  first: Line
  second: Line
  /** The least that both together shall be of the better of them alone. */
  wanted: number
}

/** The thesis's links, and those of users who saw a second line slow the first one down. */
const WLAN: Line = { rate: 20, roundTrip: 20, loss: 0 }
const PAIRS: readonly Pair[] = [
  { first: WLAN, second: { rate: 10, roundTrip: 100, loss: 1 }, wanted: 1.4 },
  { first: WLAN, second: { rate: 2, roundTrip: 20, loss: 0 }, wanted: 1 },
  { first: WLAN, second: { rate: 2, roundTrip: 220, loss: 0 }, wanted: 1 },
]

const DIRECTIONS = ['download', 'upload'] as const
type Direction = (typeof DIRECTIONS)[number]
const WAYS = ['wlan', 'cell', 'bonded'] as const
type Way = (typeof WAYS)[number]

const WEB = 'http://10.0.3.3'
const LOCAL_PROXY = '127.0.0.1:1080'
const FAR_PROXY = `socks5h://${EXAMPLE_USER.username}:${EXAMPLE_USER.password}@10.0.3.2:1080`
/** Queues as in the thesis's network, in bandwidth-delay products. */
const QUEUE = 2

const describe = ({ rate, roundTrip, loss }: Line): string =>
  `${rate} Mbit/s ${roundTrip} ms${loss > 0 ? ` ${loss} %` : ''}`
const pairName = ({ first, second }: Pair): string => `${describe(first)} + ${describe(second)}`
const variantName = (pair: Pair, direction: Direction, way: Way): string =>
  `${direction}, ${pairName(pair)}: ${way}`

/** Both uplinks must be of an emulator that can delay and lose, from the beginning. */
async function topology(base: (name: string) => Promise<Topology>): Promise<Topology> {
  const models = await base('models')
  const links = models.links.map((link) => (link.name === 'cell' ? { ...link, loss: 1 } : link))
  return { ...models, links }
}

async function prepare({ lab, folder, quick }: Stage): Promise<void> {
  const size = Math.max(...PAIRS.flatMap((pair) => WAYS.map((way) => bytesOf(pair, way, quick))))
  await startWebServer(lab.host('web'), `${WEB}/`, { folder, size })
  for (const [host, example] of [
    ['proxy', 'proxy'],
    ['home', 'client'],
  ] as const) {
    await installExample(lab.host(host), example)
    await runMptk(lab.host(host), 'apply', '--config', EXAMPLE_CONFIG)
  }
}

/** As much as the lines can carry in the same time, so that slow start weighs the same everywhere. */
function bytesOf({ first, second }: Pair, way: Way, quick: boolean): number {
  const mbit = (way === 'cell' ? 0 : first.rate) + (way === 'wlan' ? 0 : second.rate)
  return (mbit * 1e6 * (quick ? 4 : 20)) / 8
}

async function measure(stage: Stage, pair: Pair, direction: Direction, way: Way): Promise<Measurement> {
  const { lab, quick, signal } = stage
  for (const [name, line] of [
    ['wlan', pair.first],
    ['cell', pair.second],
  ] as const) {
    const { rate, roundTrip, loss } = line
    const queue = queueFrames({ ...line, queue: QUEUE })
    await lab.link(name).set({ rate, delay: roundTrip / 2, loss, queue })
  }
  const size = bytesOf(pair, way, quick)
  const through =
    way === 'bonded' ? ['--socks5-hostname', LOCAL_PROXY] : ['--interface', way, '--proxy', FAR_PROXY]
  const what =
    direction === 'download'
      ? ['-o', '/dev/null', '--range', `0-${size - 1}`, `${WEB}/file`]
      : ['-o', '/dev/null', '-H', 'Expect:', '-T', await fileOf(stage, size), `${WEB}/upload/${way}`]
  const words = ['-w', `%{size_${direction}} %{speed_${direction}}`, '--max-time', '300']
  const { stdout } = await lab
    .host('home')
    .run(['curl', '-sS', '--fail', ...words, ...through, ...what], { signal })
  const [bytes, speed = NaN] = stdout.split(' ').map(Number)
  if (bytes !== size) throw new MptkError('MPTK_LAB', `curl: expected ${size} bytes, found ${stdout}`)
  return { values: { goodputMbit: (speed * 8) / 1e6 } }
}

async function fileOf({ folder }: Stage, size: number): Promise<string> {
  const file = join(folder, `upload-${size}`)
  await copyFile(join(folder, 'www', 'file'), file)
  await truncate(file, size)
  return file
}

/** Alone, the second line is measured only where it could be the better one. */
function variants(quick: boolean): Variant[] {
  const pairs = quick ? PAIRS.slice(0, 1) : PAIRS
  return pairs.flatMap((pair) =>
    DIRECTIONS.flatMap((direction) =>
      WAYS.filter((way) => way !== 'cell' || (!quick && pair.second.rate > pair.first.rate / 4)).map(
        (way): Variant => ({
          name: variantName(pair, direction, way),
          measure: (stage) => measure(stage, pair, direction, way),
        }),
      ),
    ),
  )
}

/** Medians over the repetitions; undefined where one of the two was not measured. */
export function comparisonOf(
  samples: readonly Sample[],
  pair: Pair,
  direction: Direction,
): { better: number; bonded: number } | undefined {
  const [wlan, cell, bonded] = WAYS.map(
    (way) => summarize(valuesOf(samples, variantName(pair, direction, way), 'goodputMbit'))?.median,
  )
  if (wlan === undefined || bonded === undefined) return undefined
  return { better: Math.max(wlan, cell ?? 0), bonded }
}

function measured(samples: readonly Sample[]) {
  return PAIRS.flatMap((pair) =>
    DIRECTIONS.flatMap((direction) => {
      const found = comparisonOf(samples, pair, direction)
      return found === undefined ? [] : [{ pair, direction, ...found }]
    }),
  )
}

function table(samples: readonly Sample[]): ResultTable {
  return {
    title: 'Both lines with the shipped examples, against the better one alone',
    head: ['lines', 'direction', 'better alone, Mbit/s', 'both, Mbit/s', 'ratio', 'wanted'],
    rows: measured(samples).map(({ pair, direction, better, bonded }) => [
      pairName(pair),
      direction,
      better,
      bonded,
      bonded / better,
      pair.wanted,
    ]),
    notes: [
      'Medians of the repetitions. Alone: curl over TCP from that line to the same proxy. Queues hold twice the bandwidth-delay product.',
    ],
  }
}

function figure(samples: readonly Sample[]): Figure {
  return {
    kind: 'bars',
    title: 'Both lines ÷ the better one alone',
    y: 'ratio',
    bars: measured(samples).map(({ pair, direction, better, bonded }) => ({
      name: `${direction}, ${pairName(pair)}`,
      value: bonded / better,
      reference: pair.wanted,
    })),
  }
}

export const examples: Experiment = {
  name: 'examples',
  title: 'The shipped examples on unequal lines',
  description:
    'examples/client.yaml and examples/proxy.yaml, installed by mptk apply as their heads say and not changed, over lines with delay and loss: what a program gets over both lines, set against the better line alone.',
  source: 'reports of users',
  topology,
  repetitions: { full: 3, quick: 1 },
  variants: (_facilities, quick) => variants(quick),
  prepare,
  figures: (samples) => [figure(samples)],
  tables: (samples) => [table(samples)],
}
