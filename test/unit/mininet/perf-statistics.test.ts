import t from 'tap'
import { formatBytes, formatLatency, formatRate } from '../../../mininet/perf/report-text.js'
import { summarize } from '../../../mininet/perf/statistics.js'

void t.test('percentiles by nearest rank', (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  t.match(summarize(hundred), { count: 100, min: 1, p50: 50, p90: 90, p99: 99, max: 100, mean: 50.5 })
  t.match(summarize([3, 1]), { p50: 1, p90: 3, p99: 3 })
  t.strictSame(summarize([7]), { count: 1, min: 7, mean: 7, stddev: 0, p50: 7, p90: 7, p99: 7, max: 7 })
  t.equal(summarize([]), undefined)
  t.end()
})

void t.test('sorted as numbers; mean and standard deviation of the population', (t) => {
  t.match(summarize([10, 9, 2, 100]), { min: 2, p50: 9, max: 100 })
  t.match(summarize([2, 4, 4, 4, 5, 5, 7, 9]), { mean: 5, stddev: 2 })
  t.end()
})

void t.test('figures for people', (t) => {
  t.strictSame([0, 999, 28_412_345, 999_600, 1e9, 12.34e9].map(formatRate), [
    '0 bit/s',
    '999 bit/s',
    '28.4 Mbit/s',
    '1.00 Mbit/s',
    '1.00 Gbit/s',
    '12.3 Gbit/s',
  ])
  t.equal(formatBytes(34_080_000), '34.1 MB')
  t.equal(
    formatLatency(summarize([1, 2, 3])),
    '3 answers, p50 2.00, p90 3.00, p99 3.00, max 3.00, mean 2.00, stddev 0.82 ms',
  )
  t.equal(formatLatency(undefined), 'no answers')
  t.end()
})
