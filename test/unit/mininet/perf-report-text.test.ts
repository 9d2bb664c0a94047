import t from 'tap'
import { formatBytes, formatLatency, formatRate } from '../../../mininet/perf/report-text.js'
import { distributionOf } from '../../../src/statistics.js'

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
    formatLatency(distributionOf([1, 2, 3])),
    '3 answers, p50 2.00, p90 3.00, p99 3.00, max 3.00, mean 2.00, stddev 0.82 ms',
  )
  t.equal(formatLatency(undefined), 'no answers')
  t.end()
})
