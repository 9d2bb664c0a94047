/**
 * The thesis's own figures (chapter 9), in Mbit/s, ms and s, and what differs between its testbed
 * and this one. Of its two testbeds the one with socket options, unless only the other was measured.
 */
export interface ThesisSpread {
  mean: number
  median: number
  stddev: number
}

/** §9.1, figures 8 and 9: the testbed with two virtual machines. */
export const SINGLE = {
  wlan: { mbit: 19.9, rttMs: 20.8 },
  cell: { mbit: 9.38, rttMs: 96.6 },
} as const

/** §9.1, the testbed with socket options. */
export const SINGLE_SOCKET_OPTIONS = {
  wlan: { mbit: 20.3, rttMs: 21.4 },
  cell: { mbit: 9.49, rttMs: 63 },
} as const

/** §9.2, figures 11 and 14. */
export const BONDED_MBIT: Readonly<Record<string, { machines: number; socketOptions: number }>> = {
  cubic: { machines: 28.4, socketOptions: 27.8 },
  olia: { machines: 28.3, socketOptions: 26.7 },
  balia: { machines: 23.4, socketOptions: 23.1 },
  wvegas: { machines: 27.5, socketOptions: 27.6 },
}

/** §9.2, figure 15. */
export const BONDED_LATENCY: Readonly<Record<string, ThesisSpread>> = {
  cubic: { mean: 25, median: 27, stddev: 7.1 },
  olia: { mean: 21, median: 17, stddev: 8.1 },
  balia: { mean: 19, median: 16, stddev: 6.5 },
  wvegas: { mean: 22, median: 22, stddev: 8.1 },
}

/** §9.3, figures 16 and 17, by one-way variant names of ours. */
export const SCHEDULER_LATENCY: Readonly<Record<string, ThesisSpread>> = {
  'tcp wlan': { mean: 17, median: 16, stddev: 3.2 },
  'default 100 ms': { mean: 19, median: 16, stddev: 6.5 },
  'redundant 100 ms': { mean: 20, median: 17, stddev: 8.1 },
  'default 800 ms': { mean: 21, median: 20, stddev: 7.5 },
  'redundant 800 ms': { mean: 22, median: 21, stddev: 8.3 },
}

/** §9.4, figure 18: seconds to the earlier throughput after an interface is up again, 15 times each. */
export const REGAIN: Readonly<Record<string, ThesisSpread>> = {
  cubic: { mean: 16.2, median: 17, stddev: 8.29 },
  olia: { mean: 15, median: 13, stddev: 7.16 },
  balia: { mean: 15.4, median: 14, stddev: 6.58 },
  wvegas: { mean: 13.93, median: 16, stddev: 7.53 },
}

/** Stands below every table with figures of the thesis in it. */
export const OTHER_TESTBED =
  'Thesis: out-of-tree MPTCP kernel (multipath-tcp.org) on Ubuntu 18.04 in VirtualBox on a dual-core i5 of 2015, links by netem, traffic by a patched iperf3 through an nginx reverse proxy. Here: kernel, emulator and machine as named with this run, traffic by mptk perf straight to the proxy host.'

/** Stands below tables of throughput over the cellular link. */
export const OTHER_LOSS =
  'Here each packet of the cellular link is lost with 1 % by itself, in each direction, and queues hold twice the bandwidth-delay product; the thesis does not say how long its queues were. netem on a sending host loses and delays the pieces of up to 64 KB that TCP hands over rather than packets, so that loss meets the sender there less often: a loss-based congestion control (cubic, reno) cannot fill a link of 100 ms with 1 % loss of packets.'

export const SPREAD_HEAD = ['mean', 'median', 'std. dev.'] as const

export function spreadRow(spread: ThesisSpread | undefined): (number | null)[] {
  return spread === undefined ? [null, null, null] : [spread.mean, spread.median, spread.stddev]
}
