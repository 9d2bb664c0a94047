/** What the parts of the JSON report share: iperf3's way to give a span of time, and connections in words of our own. */
import type { ConnectionInfo } from '../../src/kernel/kernel.js'
import type { PerfRecord, StreamRecord } from './record.js'
import type { Distribution } from '../../src/statistics.js'

export type Json = Record<string, unknown>

export function span(start: number, end: number, bytes: number): Json {
  const seconds = end - start
  return {
    start: rounded(start),
    end: rounded(end),
    seconds: rounded(seconds),
    bytes,
    bits_per_second: seconds > 0 ? (bytes * 8) / seconds : 0,
  }
}

/** To the microsecond, from seconds. */
export const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6

export function verdictOf({ protocol, reason, token }: ConnectionInfo): Json {
  return { verdict: protocol, ...(reason !== undefined && { reason }), ...(token !== undefined && { token }) }
}

/** Subflows as `mptk run` has them in /status: rtt in milliseconds, bytes since the connection began. */
export function connectionOf(connection: ConnectionInfo): Json {
  return { ...verdictOf(connection), subflows: connection.subflows }
}

/** Milliseconds to the microsecond; `count` alone when nothing was answered. */
export function summaryOf(summary: Distribution | undefined): Json {
  const figures = Object.entries(summary ?? { count: 0 })
  return Object.fromEntries(figures.map(([name, value]) => [name, Math.round(value * 1e3) / 1e3]))
}

export function socketOf({ streams }: PerfRecord, id: number): StreamRecord['socket'] | undefined {
  return streams.find((each) => each.flow !== 'latency' && each.id === id)?.socket
}
