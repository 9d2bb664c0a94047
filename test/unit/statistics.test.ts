import t from 'tap'
import { boxOf, distributionOf, summarize } from '../../src/statistics.js'

void t.test('summary, whatever the order', (t) => {
  const values = [4, 2, 5, 4, 9, 4, 5, 7]
  const summary = summarize(values)
  // sum of squared distances 32, over 7
  t.same(summary, { count: 8, min: 2, mean: 5, median: 4.5, stddev: Math.sqrt(32 / 7), max: 9 })
  t.same(values, [4, 2, 5, 4, 9, 4, 5, 7], 'the values stay as they were')
  t.equal(summarize([3, 1, 2])?.median, 2)
  t.same(summarize([7]), { count: 1, min: 7, mean: 7, median: 7, stddev: undefined, max: 7 })
  t.equal(summarize([]), undefined)
  t.end()
})

void t.test('numbers are ordered as numbers', (t) => {
  t.match(summarize([10, 9, 100, -8]), { min: -8, max: 100, median: 9.5 })
  t.end()
})

void t.test('box: quartiles between the values, outliers beyond the whiskers', (t) => {
  // R: quantile(c(1:9, 40), type = 7) gives 3.25, 5.5, 7.75; the fences are then -3.5 and 14.5
  t.same(boxOf([40, 1, 2, 3, 4, 5, 6, 7, 8, 9]), {
    low: 1,
    high: 9,
    lowerQuartile: 3.25,
    median: 5.5,
    upperQuartile: 7.75,
    mean: 8.5,
    outliers: [40],
  })
  t.equal(boxOf([]), undefined)
  t.same(boxOf([5]), {
    low: 5,
    high: 5,
    lowerQuartile: 5,
    median: 5,
    upperQuartile: 5,
    mean: 5,
    outliers: [],
  })
  t.same(boxOf([0, 5, 5, 5, 5, 5, 12])?.outliers, [0, 12], 'without a spread every other value is far away')
  t.end()
})

void t.test('percentiles by nearest rank', (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.match(distributionOf(hundred), { count: 100, min: 1, p50: 50, p90: 90, p99: 99, max: 100, mean: 50.5 })
  t.match(distributionOf([3, 1]), { p50: 1, p90: 3, p99: 3 })
  t.strictSame(distributionOf([7]), { count: 1, min: 7, mean: 7, stddev: 0, p50: 7, p90: 7, p99: 7, max: 7 })
  t.equal(distributionOf([]), undefined)
  t.end()
})

void t.test('a distribution is sorted as numbers; mean and standard deviation of the population', (t) => {
  t.match(distributionOf([10, 9, 2, 100]), { min: 2, p50: 9, max: 100 })
  t.match(distributionOf([2, 4, 4, 4, 5, 5, 7, 9]), { mean: 5, stddev: 2 })
  t.end()
})
