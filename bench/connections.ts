/** New SOCKS5 connections: handshake, one byte echoed, close. */
import { contest, startProxy, type Contender, type Row, type Workplace } from './contest.js'
import { serve, storm } from './load.js'
import { cpuSeconds } from './proc.js'
import { dante, microsocks, mptk } from './proxies.js'
import type { Figure } from './report.js'

export interface ConnectionsOptions {
  rounds: number
  /** Connections of one measurement, and how many at a time. */
  count: number
  parallel: number
}

export const connectionsFigures: Figure[] = [
  { key: 'rate', title: 'Connections per s', digits: 0, better: 'higher' },
  { key: 'p50', title: 'Time p50, ms', digits: 2, better: 'lower' },
  { key: 'p99', title: 'Time p99, ms', digits: 2, better: 'lower' },
  { key: 'cpu', title: 'CPU of the proxy, s per 10,000', digits: 2, better: 'lower' },
  { key: 'failures', title: 'Failures', digits: 0, better: 'lower', absolute: true },
]

export function connectionsContenders(): Contender[] {
  const own = mptk('socks5')
  return [
    { scenario: 'TCP clients', proxy: own, multipath: 'none' },
    { scenario: 'TCP clients', proxy: dante, multipath: 'none' },
    { scenario: 'TCP clients', proxy: microsocks, multipath: 'none' },
    { scenario: 'MPTCP clients', proxy: own, multipath: 'own' },
    { scenario: 'MPTCP clients', proxy: dante, multipath: 'mptcpize' },
    { scenario: 'MPTCP clients', proxy: microsocks, multipath: 'mptcpize' },
  ]
}

/** Seconds, roughly: 3,000 connections per second and the warm-up. */
export function connectionsEstimate(contenders: number, { rounds, count }: ConnectionsOptions): number {
  return contenders * rounds * ((count * 1.2) / 3000 + 1)
}

export async function connections(
  contenders: readonly Contender[],
  { rounds, count, parallel }: ConnectionsOptions,
  place: Workplace,
): Promise<Row[]> {
  const server = await serve(place.tools, 'echo')
  try {
    return await contest(contenders, rounds, place, async (contender) => {
      const proxy = await startProxy(contender, server.port, place)
      try {
        const route = { port: proxy.port, socksTo: server.port, mptcp: contender.multipath !== 'none' }
        // compiled code on our side, forked children on dante's
        await storm(place.tools, route, Math.ceil(count / 5), parallel)
        const before = cpuSeconds(proxy.program.pid)
        const result = await storm(place.tools, route, count, parallel)
        const cpu = cpuSeconds(proxy.program.pid) - before
        if (result.failures > 0) {
          place.say(`${contender.proxy.name}: ${result.failures} failures, the first: ${result.failure}`)
        }
        return {
          rate: result.connections / result.seconds,
          p50: result.p50 * 1e3,
          p99: result.p99 * 1e3,
          cpu: (cpu * 1e4) / count,
          failures: result.failures,
        }
      } finally {
        await proxy.program.stop()
      }
    })
  } finally {
    await server.program.stop()
  }
}
