import t from 'tap'
import {
  formatTrace,
  generateTrace,
  Random,
  type MobileProfile,
} from '../../../mininet/experiments/trace-generator.js'

const steady: MobileProfile = { mean: 12, spread: 0.5, coherence: 1, outageEvery: 0, outageLength: 0 }
const gappy: MobileProfile = { ...steady, outageEvery: 5, outageLength: 2 }
const SECONDS = 600

/** Mbit/s of a trace as a link replays it. */
const rateOf = (times: readonly number[], seconds: number): number =>
  (times.length * 1500 * 8) / 1e6 / seconds
const gapsOf = (times: readonly number[]): number[] =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0))

void t.test('the same seed gives the same trace, another one another', (t) => {
  // compared as text: a list of thousands is compared slowly
  const trace = (seed: number): string => formatTrace(generateTrace(gappy, 20, seed))
  t.ok(trace(7) === trace(7))
  t.ok(trace(7) !== trace(8))
  t.end()
})

void t.test('a trace is not another one on another machine', (t) => {
  // mulberry32 with seed 1, as published: another sequence would change every figure
  const random = new Random(1)
  t.strictSame(
    Array.from({ length: 3 }, () => random.uniform().toFixed(9)),
    ['0.627073941', '0.002735721', '0.527447040'],
  )
  t.end()
})

void t.test('times are whole milliseconds, ascending, and end with the length of the trace', (t) => {
  const times = generateTrace(gappy, 30, 3)
  t.ok(times.every((time) => Number.isInteger(time) && time >= 0))
  t.ok(gapsOf(times).every((gap) => gap >= 0))
  t.equal(times.at(-1), 30_000)
  t.end()
})

void t.test('the mean rate is the one asked for, without outages', (t) => {
  const rates = [1, 2, 3, 4, 5].map((seed) => rateOf(generateTrace(steady, SECONDS, seed), SECONDS))
  const mean = rates.reduce((sum, each) => sum + each, 0) / rates.length
  t.ok(Math.abs(mean / steady.mean - 1) < 0.05, `${mean} of ${steady.mean} Mbit/s`)
  t.end()
})

void t.test('the rate wanders as widely as asked for', (t) => {
  const perSecond = new Array<number>(SECONDS).fill(0)
  for (const time of generateTrace(steady, SECONDS, 1).slice(0, -1)) {
    const second = Math.floor(time / 1000)
    perSecond[second] = (perSecond[second] ?? 0) + 1
  }
  const logs = perSecond.map(Math.log)
  const mean = logs.reduce((sum, each) => sum + each, 0) / SECONDS
  const spread = Math.sqrt(logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / SECONDS)
  // averaged over a second, and the memory is a second: something less than at one moment
  t.ok(spread > 0.3 && spread < 0.55, `${spread}`)
  t.end()
})

void t.test('outages: as many, as long and as empty as asked for; none when none are asked for', (t) => {
  t.ok(gapsOf(generateTrace(steady, SECONDS, 1)).every((gap) => gap < 200))
  const outages = gapsOf(generateTrace(gappy, SECONDS, 1)).filter((gap) => gap >= 200)
  const total = outages.reduce((sum, each) => sum + each, 0) / 1000
  t.ok(outages.length > 60 && outages.length < 110, `${outages.length}; 600 s hold 86 pairs of 5 and 2 s`)
  t.ok(total > 120 && total < 230, `${total} s of 171`)
  t.end()
})

void t.test('the file has one number a line', (t) => {
  t.equal(formatTrace([0, 0, 5]), '0\n0\n5\n')
  t.end()
})

void t.test('the distributions have their means and variances', (t) => {
  const random = new Random(42)
  const draw = (next: () => number): { mean: number; variance: number } => {
    const values = Array.from({ length: 100_000 }, next)
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length
    return { mean, variance: values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length }
  }
  const near = (found: number, wanted: number): boolean =>
    Math.abs(found - wanted) < 0.03 * Math.max(1, wanted)
  for (const [name, next, mean, variance] of [
    ['uniform', () => random.uniform(), 1 / 2, 1 / 12],
    ['normal', () => random.normal(), 0, 1],
    ['exponential', () => random.exponential(2), 2, 4],
    ['poisson', () => random.poisson(1.7), 1.7, 1.7],
  ] as const) {
    const found = draw(next)
    t.ok(near(found.mean, mean) && near(found.variance, variance), `${name}: ${JSON.stringify(found)}`)
  }
  t.end()
})
