/** What every experiment must be, whatever it measures. */
import t from 'tap'
import { EXPERIMENTS } from '../../../mininet/experiments/index.js'
import { isNotRun, type Experiment } from '../../../mininet/experiments/experiment.js'
import type { Facilities } from '../../../mininet/experiments/facilities.js'
import type { Sample } from '../../../mininet/experiments/result.js'
import { bondingOf } from '../../../mininet/experiments/congestion.js'
import { queueFrames } from '../../../mininet/experiments/unequal.js'
import { readTopology } from '../../../mininet/lab.js'

const facilities: Facilities = {
  flavour: 'upstream',
  congestionControls: [{ name: 'cubic' }, { name: 'bbr' }, { name: 'olia', reason: 'no olia here' }],
  defaultCongestion: 'cubic',
  schedulers: [{ name: 'default' }, { name: 'redundant', reason: 'no redundant here' }],
}

function plan(experiment: Experiment, quick: boolean) {
  const planned = experiment.variants(facilities, quick)
  return {
    names: planned.flatMap((each) => (isNotRun(each) ? [] : [each.name])),
    notRun: planned.filter(isNotRun),
  }
}

/** A sample of every variant, with every figure that tables may ask for. */
function madeUp(names: readonly string[]): Sample[] {
  const values = [
    'goodputMbit',
    'retransmits',
    'stallSeconds',
    'regainSeconds',
    'beforeMbit',
    'silentPercent',
  ]
  return names.map((variant, index) => ({
    variant,
    repetition: 0,
    values: Object.fromEntries(values.map((key) => [key, index + 1])),
    series: { mbit: [[0.5, index + 1]] },
    distributions: { rttMs: [20, 21], latencyMs: [22], pingMs: [20], firstByteMs: [40] },
  }))
}

void t.test('those of the thesis and beyond', (t) => {
  t.strictSame(
    EXPERIMENTS.map(({ name }) => name),
    ['single', 'congestion', 'scheduler', 'failover', 'models', 'unequal', 'examples', 'mobile'],
  )
  t.end()
})

for (const experiment of EXPERIMENTS) {
  void t.test(experiment.name, async (t) => {
    for (const quick of [true, false]) {
      const { names } = plan(experiment, quick)
      t.ok(names.length > 1, 'there is something to compare')
      t.equal(new Set(names).size, names.length, 'names of variants are unique')
    }
    const { quick, full } = experiment.repetitions
    t.ok(quick >= 1 && full >= quick)
    if (typeof experiment.topology === 'string') await t.resolves(readTopology(experiment.topology))

    t.doesNotThrow(
      () => [...experiment.tables([]), ...experiment.figures([])],
      'an early end leaves no samples',
    )
    const samples = madeUp(plan(experiment, true).names)
    const tables = experiment.tables(samples)
    t.ok(tables.length > 0 && experiment.figures(samples).length > 0)
    for (const { title, head, rows } of tables) {
      t.ok(rows.length > 0, `${title}: has rows`)
      t.ok(
        rows.every((row) => row.length === head.length),
        `${title}: rows are as long as the head`,
      )
    }
  })
}

void t.test('what this machine lacks is listed with its reason', (t) => {
  const reasons = (name: string): string[] =>
    EXPERIMENTS.filter((each) => each.name === name).flatMap((each) =>
      plan(each, true).notRun.map(({ variant, reason }) => `${variant}: ${reason}`),
    )
  t.strictSame(reasons('congestion'), ['olia: no olia here'])
  t.strictSame(reasons('failover'), ['olia: no olia here'])
  t.strictSame(reasons('scheduler'), [
    'redundant 100 ms: no redundant here',
    'redundant 800 ms: no redundant here',
  ])
  t.strictSame(reasons('models'), [])
  t.end()
})

void t.test('a quick sweep over unequal paths is part of the full one', (t) => {
  const [unequal] = EXPERIMENTS.filter(({ name }) => name === 'unequal')
  if (unequal === undefined) throw new Error('there is no experiment unequal')
  const full = new Set(plan(unequal, false).names)
  t.strictSame(
    plan(unequal, true).names.filter((name) => !full.has(name)),
    [],
  )
  t.end()
})

void t.test('bonded against the sum of the singles, and only when all were measured', (t) => {
  const sample = (variant: string, goodputMbit: number, repetition = 0): Sample => ({
    variant,
    repetition,
    values: { goodputMbit },
  })
  const samples = [
    sample('bbr bonded', 27),
    sample('bbr bonded', 29, 1),
    sample('bbr wlan', 19),
    sample('bbr cell', 9),
  ]
  t.equal(bondingOf(samples, 'bbr'), 1)
  t.equal(bondingOf(samples.slice(0, 3), 'bbr'), null)
  t.equal(bondingOf(samples, 'cubic'), null)
  t.end()
})

void t.test('queues follow the bandwidth-delay product', (t) => {
  // 20 Mbit/s × 100 ms = 250,000 bytes = 165 frames
  t.equal(queueFrames({ rate: 20, roundTrip: 100, queue: 1 }), 165)
  t.equal(queueFrames({ rate: 20, roundTrip: 100, queue: 0.5 }), 83)
  t.equal(queueFrames({ rate: 1, roundTrip: 20, queue: 0.5 }), 8)
  t.end()
})
