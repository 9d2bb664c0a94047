import t from 'tap'
import { parseTraffic } from '../../../mininet/experiments/traffic.js'

const sum = (start: number, mbit: number, omitted = false) => ({
  start,
  end: start + 1,
  bits_per_second: mbit * 1e6,
  omitted,
})
const perfReport = {
  intervals: [
    {
      sum: sum(0, 50, true),
      streams: [{ rtt: 21_000 }],
      server: { sum: sum(0.02, 18, true), streams: [{}] },
    },
    { sum: sum(0, 21), streams: [{ rtt: 40_500 }], server: { sum: sum(0.02, 19), streams: [{ rtt: 7 }] } },
    // the server's word on the last one did not come
    { sum: sum(1, 20), streams: [{ rtt: 41_000 }] },
  ],
  end: {
    streams: [{ mptcp: { verdict: 'mptcp' } }],
    sum_sent: { retransmits: 3 },
    sum_received: { bits_per_second: 18.5e6 },
    latency: { samples: [[0.1, 22.5] as const, [0.2, 23] as const] },
  },
}

void t.test('an upload: what the server received, by our clock, with our round-trip time', (t) => {
  t.strictSame(parseTraffic(JSON.stringify(perfReport), {}), {
    mbit: 18.5,
    seconds: 2,
    intervals: [
      { start: 0, end: 1, omitted: true, mbit: 18, rttMs: 21 },
      { start: 0, end: 1, omitted: false, mbit: 19, rttMs: 40.5 },
    ],
    retransmits: 3,
    latencyMs: [22.5, 23],
    protocol: 'mptcp',
  })
  t.end()
})

void t.test("a download: what we received, with the server's round-trip time", (t) => {
  const { intervals } = parseTraffic(JSON.stringify(perfReport), { direction: 'download' })
  t.match(intervals[1], { mbit: 21, rttMs: 0.007 })
  t.equal(intervals.length, 3)
  t.end()
})

void t.test('ended from outside is a result, broken off is not', (t) => {
  t.equal(parseTraffic(JSON.stringify({ ...perfReport, error: 'interrupted' }), {}).mbit, 18.5)
  const broken = JSON.stringify({ ...perfReport, error: 'stream 1: the connection broke (ECONNRESET)' })
  t.throws(() => parseTraffic(broken, {}), { code: 'MPTK_LAB', message: /mptk perf: stream 1.*ECONNRESET/ })
  t.end()
})

void t.test('anything else is refused by name', (t) => {
  t.throws(() => parseTraffic('', {}), { code: 'MPTK_LAB', message: /no report/ })
  const without = JSON.stringify({ ...perfReport, end: { ...perfReport.end, streams: [{}] } })
  t.throws(() => parseTraffic(without, {}), { message: /end\.streams\.0\.mptcp/ })
  t.end()
})
