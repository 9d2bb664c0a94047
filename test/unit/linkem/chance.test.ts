// Loss, jitter and reordering. Seeds are fixed, so each figure is the same in every run.
import t, { type Test } from 'tap'
import { buildModel, runModel, type Delivery } from '../../support/linkem-model.js'

const program = buildModel(t.testdir())
const ms = 1_000_000
const COUNT = 100_000

/** `COUNT` packets a millisecond apart: far enough that order never holds one back. */
const flow = (settings: string, seed?: number) =>
  runModel(program, [`0 set ${settings}`, `0 packet a 100 ${COUNT} ${ms}`], seed)

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const deviation = (values: readonly number[]) => {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}
/** Of packets sent a millisecond apart, milliseconds. */
const delays = (deliveries: readonly Delivery[]) => deliveries.map(({ at, number }) => at / ms - number)

/** Lengths of runs of lost packets. */
function bursts(deliveries: readonly Delivery[]): number[] {
  const arrived = deliveries.map(({ number }) => number)
  return arrived.flatMap((number, i) => {
    const gap = number - (arrived[i - 1] ?? -1) - 1
    return gap > 0 ? [gap] : []
  })
}

const near = (t: Test, found: number, expected: number, within: number, what: string) =>
  t.ok(Math.abs(found - expected) <= within, `${what}: ${found}, expected ${expected} ± ${within}`)

void t.test('random loss: its share, and independent of the packet before', (t) => {
  for (const percent of [0.1, 1, 30]) {
    const { deliveries, ab } = flow(`loss ${percent}%`)
    const spread = Math.sqrt((percent * (100 - percent)) / COUNT)
    near(t, (100 * ab.dropped.loss.packets) / COUNT, percent, 3 * spread, `${percent} %`)
    // geometric: a run of losses is 1 / (1 - p) long on average
    near(t, mean(bursts(deliveries)), 1 / (1 - percent / 100), 0.05, `burst at ${percent} %`)
  }
  t.end()
})

void t.test('loss 100% loses all, loss none and 0% lose none', (t) => {
  t.equal(flow('loss 100%').deliveries.length, 0)
  t.equal(flow('loss none').deliveries.length, COUNT)
  t.equal(flow('loss 0%').deliveries.length, COUNT)
  t.end()
})

void t.test('Gilbert-Elliott: share and length of bursts follow from p and r', (t) => {
  const { deliveries, ab } = flow('loss gilbert 1% 25%')
  // in bursts, the share spreads as with fewer packets: by sqrt((2 - p - r) / (p + r)), here 0.16 points
  near(t, (100 * ab.dropped.loss.packets) / COUNT, (100 * 1) / (1 + 25), 0.48, 'loss')
  near(t, mean(bursts(deliveries)), 1 / 0.25, 0.2, 'burst')
  t.end()
})

void t.test('Gilbert-Elliott: loss in each of the two states', (t) => {
  const { ab } = flow('loss gilbert 5% 15% 40% 2%')
  // a quarter of the time bad
  near(t, (100 * ab.dropped.loss.packets) / COUNT, 0.25 * 40 + 0.75 * 2, 0.4, 'loss')
  t.end()
})

void t.test('the same seed loses the same packets, another one others; directions differ', (t) => {
  const numbers = (seed: number, end: string) =>
    runModel(program, ['0 set loss 5%', `0 packet ${end} 100 2000`], seed).deliveries.map(
      ({ number }) => number,
    )
  t.same(numbers(7, 'a'), numbers(7, 'a'))
  t.notSame(numbers(7, 'a'), numbers(8, 'a'))
  t.notSame(numbers(7, 'a'), numbers(7, 'b'))
  t.end()
})

void t.test('uniform jitter: even around the delay, never outside', (t) => {
  const found = delays(flow('delay 50ms jitter 0.5ms').deliveries)
  t.ok(Math.min(...found.slice(0, 50_000)) >= 49.5 && Math.max(...found.slice(0, 50_000)) <= 50.5)
  near(t, mean(found), 50, 0.01, 'mean')
  near(t, deviation(found), 0.5 / Math.sqrt(3), 0.005, 'deviation')
  t.end()
})

void t.test('normal jitter: the standard deviation asked for', (t) => {
  const found = delays(flow('delay 50ms jitter 0.2ms normal').deliveries)
  near(t, mean(found), 50, 0.01, 'mean')
  near(t, deviation(found), 0.2, 0.004, 'deviation')
  near(
    t,
    mean(found.map((value) => Number(Math.abs(value - 50) < 0.2))),
    0.6827,
    0.01,
    'within one deviation',
  )
  t.end()
})

void t.test('jitter never makes a delay negative', (t) => {
  const found = delays(flow('delay 0.1ms jitter 0.5ms normal order free').deliveries)
  t.ok(found.every((value) => value >= 0))
  t.end()
})

void t.test('jitter keeps the order, and with order free does not', (t) => {
  const overtaken = (order: string) =>
    runModel(program, [
      `0 set delay 50ms jitter 20ms order ${order}`,
      `0 packet a 100 5000 ${ms}`,
    ]).deliveries.filter(({ number }, i, all) => number < (all[i - 1]?.number ?? -1)).length
  t.equal(overtaken('keep'), 0)
  t.ok(overtaken('free') > 1000)
  t.end()
})

void t.test('reorder: its share of the packets skips the delay', (t) => {
  const { deliveries } = flow('delay 10ms reorder 5%')
  const found = delays(deliveries)
  near(t, (100 * found.filter((value) => value === 0).length) / COUNT, 5, 0.2, 'share')
  t.ok(found.every((value) => value === 0 || value === 10))
  t.end()
})
