import { summarize } from '../../src/statistics.js'
import type { Experiment, Measurement, Stage, Variant } from './experiment.js'
import { usable } from './facilities.js'
import { measurementOf, preparePaths, sendOver, type Way } from './paths.js'
import type { Figure, NotRun, ResultTable, Sample } from './result.js'
import { variantsOf } from './samples.js'

/** One path: Mbit/s, round trip in ms, loss in percent, queue in bandwidth-delay products. */
interface Path {
  rate: number
  roundTrip: number
  loss: number
  queue: number
}

interface Point {
  x: string
  y: string
  /** Of the better path and of the other. */
  first: Path
  second: Path
}

interface Sweep {
  title: string
  x: string
  y: string
  points: Point[]
}

const FIRST: Path = { rate: 20, roundTrip: 20, loss: 0, queue: 1 }
const CONTROLS = ['cubic', 'bbr'] as const

const VALUES = {
  full: {
    ratios: [1, 2, 5, 10, 20],
    delays: [0, 50, 100, 200, 400],
    losses: [0, 0.5, 1, 3],
    queues: [0.5, 1, 2, 4],
  },
  quick: { ratios: [1, 10], delays: [0, 200], losses: [0, 1], queues: [0.5, 2] },
} as const

function sweeps(quick: boolean): Sweep[] {
  const { ratios, delays, losses, queues } = VALUES[quick ? 'quick' : 'full']
  return [
    {
      title: 'by rate ratio and delay difference (no loss, queues of 1 × BDP)',
      x: 'delay difference, ms',
      y: 'rate ratio',
      points: ratios.flatMap((ratio) =>
        delays.map((delay) => ({
          x: String(delay),
          y: `${ratio}:1`,
          first: FIRST,
          second: { ...FIRST, rate: FIRST.rate / ratio, roundTrip: FIRST.roundTrip + delay },
        })),
      ),
    },
    {
      title: 'by loss of the second path and queue of both (rate ratio 2:1, delay difference 80 ms)',
      x: 'queue, × BDP',
      y: 'loss, %',
      points: losses.flatMap((loss) =>
        queues.map((queue) => ({
          x: String(queue),
          y: String(loss),
          first: { ...FIRST, queue },
          second: { rate: FIRST.rate / 2, roundTrip: FIRST.roundTrip + 80, loss, queue },
        })),
      ),
    },
  ]
}

const describe = ({ rate, roundTrip, loss, queue }: Path): string =>
  `${rate} Mbit/s ${roundTrip} ms ${loss} % ${queue} BDP`
const aloneName = (congestion: string, path: Path): string => `${congestion}, alone: ${describe(path)}`
const bondedName = (congestion: string, { first, second }: Point): string =>
  `${congestion}, bonded: ${describe(first)} + ${describe(second)}`

/** Frames; a handful at least, with which any link can send at its rate. */
export function queueFrames({ rate, roundTrip, queue }: Pick<Path, 'rate' | 'roundTrip' | 'queue'>): number {
  return Math.max(8, Math.round((queue * rate * 1000 * roundTrip) / 8 / 1514))
}

async function setPath({ lab }: Stage, link: string, path: Path): Promise<void> {
  const { rate, roundTrip, loss } = path
  await lab.link(link).set({ rate, delay: roundTrip / 2, loss, queue: queueFrames(path) })
}

async function measure(
  stage: Stage,
  way: Way,
  congestion: string,
  paths: readonly Path[],
): Promise<Measurement> {
  const links = way === 'bonded' ? (['wlan', 'cell'] as const) : [way]
  for (const [index, link] of links.entries()) await setPath(stage, link, paths[index] ?? FIRST)
  return measurementOf(await sendOver(stage, way, { congestion, seconds: stage.quick ? 3 : 10, omit: 2 }))
}

/** Each path alone once, however often it is combined, then the combinations. */
function variantsFor(congestion: string, quick: boolean): Variant[] {
  const points = sweeps(quick).flatMap((each) => each.points)
  const paths = points.flatMap(({ first, second }) => [first, second])
  const alone = paths.map((path): Variant => ({
    name: aloneName(congestion, path),
    measure: (stage) => measure(stage, 'wlan', congestion, [path]),
  }))
  const bonded = points.map((point): Variant => ({
    name: bondedName(congestion, point),
    measure: (stage) => measure(stage, 'bonded', congestion, [point.first, point.second]),
  }))
  return [...new Map([...alone, ...bonded].map((each) => [each.name, each])).values()]
}

function variants(quick: boolean, available: readonly string[]): (Variant | NotRun)[] {
  const wanted = quick ? CONTROLS.slice(0, 1) : CONTROLS
  return wanted.flatMap((name): (Variant | NotRun)[] =>
    available.includes(name)
      ? variantsFor(name, quick)
      : [{ variant: name, reason: `this kernel has no congestion control ${name}` }],
  )
}

/** Bonded ÷ the better of its two paths alone, medians over the repetitions; null where one was not measured. */
export function ratioOf(samples: readonly Sample[], congestion: string, point: Point): number | null {
  const median = (variant: string): number | undefined =>
    summarize(
      samples.filter((each) => each.variant === variant).map(({ values }) => values['goodputMbit'] ?? NaN),
    )?.median
  const bonded = median(bondedName(congestion, point))
  const alone = [point.first, point.second].map((path) => median(aloneName(congestion, path)))
  if (bonded === undefined || alone.some((each) => each === undefined)) return null
  return bonded / Math.max(...alone.map((each) => each ?? 0))
}

/** The quick sweep is part of the full one, so that what was measured says which it was. */
function measuredSweeps(samples: readonly Sample[], congestion: string): Sweep[] {
  const measured = new Set(variantsOf(samples))
  return sweeps(false)
    .map((sweep) => ({
      ...sweep,
      points: sweep.points.filter((point) => measured.has(bondedName(congestion, point))),
    }))
    .filter(({ points }) => points.length > 0)
}

function heat(samples: readonly Sample[], congestion: string, { title, x, y, points }: Sweep): Figure {
  const xs = [...new Set(points.map((point) => point.x))]
  const ys = [...new Set(points.map((point) => point.y))]
  return {
    kind: 'heat',
    title: `Bonded ÷ best single path, ${congestion}, ${title}`,
    x: { label: x, ticks: xs },
    y: { label: y, ticks: ys },
    values: ys.map((row) =>
      xs.map((column) => {
        const point = points.find((each) => each.x === column && each.y === row)
        return point === undefined ? null : ratioOf(samples, congestion, point)
      }),
    ),
    middle: 1,
  }
}

function table(samples: readonly Sample[]): ResultTable {
  const rows = CONTROLS.flatMap((congestion) =>
    measuredSweeps(samples, congestion).flatMap(({ points }) =>
      points.map((point) => [
        congestion,
        describe(point.first),
        describe(point.second),
        ratioOf(samples, congestion, point),
      ]),
    ),
  )
  return {
    title: 'Bonded ÷ best single path',
    head: ['congestion control', 'first path', 'second path', 'ratio'],
    rows,
    notes: [
      'Below 1: the second path makes the connection slower than the first alone. Queues are of at least 8 frames.',
    ],
  }
}

export const unequal: Experiment = {
  name: 'unequal',
  title: 'Unequal paths',
  description:
    "Users' first complaint: bonded slower than one link. A path of 20 Mbit/s and 20 ms is joined by a second one that is slower, longer, lossier or has other queues; bonded goodput is set against the better path alone.",
  source: 'reports of users',
  topology: 'thesis-paths',
  repetitions: { full: 2, quick: 1 },
  variants: ({ congestionControls }, quick) => variants(quick, usable(congestionControls)),
  prepare: preparePaths,
  figures: (samples) =>
    CONTROLS.flatMap((congestion) =>
      measuredSweeps(samples, congestion).map((sweep) => heat(samples, congestion, sweep)),
    ),
  tables: (samples) => [table(samples)],
}
