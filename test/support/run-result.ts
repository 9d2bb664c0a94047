/** Made-up results for tests of the report: every kind of figure, in the sizes of a full run. */
import type { ExperimentResult, Figure, RunResult, Sample } from '../../mininet/experiments/result.js'
import { Random } from './random.js'

/** A name as no experiment should give one: what it contains must stay text everywhere. */
export const HOSTILE = `<img src=x onerror="alert(1)">&'quoted", comma`

const UNMEASURED = 'never measured'

export const NOT_RUN = [
  {
    variant: 'balia',
    reason: 'this kernel (6.18.5) has no congestion control "balia"; known: reno, cubic, bbr',
  },
  { variant: HOSTILE, reason: `reason with ${HOSTILE}` },
]

const CONTROLS = ['cubic', 'reno', 'bbr', 'vegas', 'westwood', 'illinois']
const source = new Random(9)
const random = (): number => source.word() / 2 ** 32
/** Around `middle`, bell-shaped enough. */
const around = (middle: number, spread: number): number =>
  middle + spread * (random() + random() + random() - 1.5)

function throughput(middle: number): [number, number][] {
  return Array.from({ length: 120 }, (_, index) => [
    (index + 1) / 2,
    index < 6 ? (middle * index) / 6 : Math.max(0, around(middle, 5)),
  ])
}

function rtts(middle: number, spread: number, n = 400): number[] {
  return Array.from({ length: n }, () =>
    random() < 0.02 ? middle * (2 + 3 * random()) : around(middle, spread),
  )
}

function samples(variants: readonly string[]): Sample[] {
  return variants.flatMap((variant, place) =>
    [0, 1, 2].map((repetition) => ({
      variant,
      repetition,
      values: { goodputMbit: around(27 - place, 1) },
      series: { mbit: throughput(27 - place) },
      distributions: { rttMs: rtts(22 + place, 12, 50) },
    })),
  )
}

const lines = (variants: readonly string[]): Figure => ({
  kind: 'lines',
  title: 'Throughput over time',
  x: 'seconds',
  y: 'Mbit/s',
  series: variants.map((name, place) => ({ name, points: throughput(27 - 2 * place) })),
  source: 'thesis figures 10 and 13',
})

const boxes = (variants: readonly string[], widest = 24): Figure => ({
  kind: 'boxes',
  title: 'Latency under load',
  y: 'milliseconds',
  groups: variants.map((name, place) => ({
    name,
    values: name === UNMEASURED ? [] : rtts(place === 0 ? 20 : widest, 14),
  })),
  source: 'thesis figures 12 and 15',
})

const experiment = (name: string, title: string, figures: Figure[]): ExperimentResult => ({
  name,
  title,
  description:
    'One bulk transfer over both links at once, measured at the receiver every half second. The first five ' +
    'seconds, in which the congestion windows open, count for the plot and not for the mean.',
  source: 'thesis §9.2',
  startedAt: '2026-11-21T09:00:00.000Z',
  seconds: 372.4,
  samples: samples(CONTROLS.slice(0, 3)),
  notRun: [],
  figures,
  tables: [],
})

const single = experiment('single', 'Each interface alone', [
  lines(['WLAN', 'cellular']),
  {
    kind: 'bars',
    title: 'Mean throughput',
    y: 'Mbit/s',
    bars: [
      { name: 'WLAN', value: 19.62, reference: 20.3 },
      { name: 'cellular', value: 9.21, reference: 9.49 },
    ],
    source: 'thesis figure 8',
  },
])

const congestion: ExperimentResult = {
  ...experiment('congestion', 'Congestion controls', [
    lines(CONTROLS),
    {
      kind: 'bars',
      title: 'Mean throughput',
      y: 'Mbit/s',
      bars: [
        { name: 'cubic', value: 27.93, reference: 27.8 },
        { name: HOSTILE, value: 26.1, reference: 26.7 },
        { name: 'bbr', value: 28.4 },
        { name: UNMEASURED, value: NaN },
      ],
      source: 'thesis figure 14',
    },
    boxes([...CONTROLS.slice(0, 3), HOSTILE, UNMEASURED]),
  ]),
  notRun: NOT_RUN,
  tables: [
    {
      title: 'Mean throughput, Mbit/s',
      head: ['Congestion control', 'here', 'thesis, two machines', 'thesis, socket options', 'note'],
      rows: [
        ['cubic', 27.93, 28.4, 27.8, 'same algorithm'],
        ['bbr', 28.41, null, null, HOSTILE],
        ['reno', 26.02, null, null, null],
      ],
      notes: ['The thesis ran kernel 4.14 with the out-of-tree MPTCP; here it is the upstream one.'],
    },
  ],
}

const failover = experiment('failover', 'An interface fails and comes back', [
  {
    kind: 'bars',
    title: 'Time to regain 90 % of the earlier rate',
    y: 'seconds',
    bars: [
      { name: 'interface down and up, cubic', value: 3.41, reference: 16.2 },
      { name: 'silent black hole, cubic', value: 0.62 },
    ],
    source: 'thesis figure 18',
  },
  boxes(['interface down and up', 'silent black hole'], 4000),
])

const ratios = ['1:1', '2:1', '5:1', '10:1', '20:1']
const delays = ['0 ms', '25 ms', '100 ms', '400 ms']
const unequal = experiment('unequal', 'Unequal links', [
  {
    kind: 'heat',
    title: 'Bonded ÷ best single path',
    x: { label: 'ratio of the rates', ticks: ratios },
    y: { label: 'difference of the delays', ticks: delays },
    values: delays.map((_, row) =>
      ratios.map((_, column) => (row === 3 && column === 4 ? null : 1.95 - 0.22 * column - 0.17 * row)),
    ),
    middle: 1,
  },
  {
    kind: 'lines',
    title: 'Bonded ÷ best single path over loss',
    x: 'loss on the slower link, %',
    y: 'ratio',
    series: [
      { name: 'queue 0.5 × BDP', points: [0, 0.5, 1, 2, 3].map((x) => [x, 1.9 - x / 4]) },
      { name: 'queue 4 × BDP', points: [0, 0.5, 1, 2, 3].map((x) => [x, 1.6 - x / 5]) },
    ],
  },
])

const empty: ExperimentResult = {
  ...experiment('scheduler', 'Schedulers', [
    lines([]),
    { ...boxes([]) },
    { kind: 'bars', title: 'None', y: 's', bars: [] },
  ]),
  samples: [],
  notRun: [{ variant: 'redundant', reason: 'the upstream kernel has no scheduler "redundant"' }],
}

export const RUN: RunResult = {
  command: `mptk lab run all --quick --out 'results & more'`,
  quick: true,
  machine: {
    cpu: 'AMD EPYC 7B13',
    cores: 2,
    memoryGiB: 7.77,
    kernel: '6.18.5',
    node: 'v20.20.2',
    mptk: '0.1.0',
    versions: { mininet: '2.3.0', iperf3: '3.12', mptcpize: '0.12' },
    links: 'linkem',
  },
  experiments: [single, congestion, failover, unequal, empty],
}
