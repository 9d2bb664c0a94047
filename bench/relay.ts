/** CPU of the proxy per byte, and throughput: TCP→TCP and MPTCP→TCP, fixed target and SOCKS5. */
import { contest, startProxy, type Contender, type Row, type Running, type Workplace } from './contest.js'
import { bulk, serve, type Route, type Server } from './load.js'
import { cpuSeconds } from './proc.js'
import { dante, haproxy, microsocks, mptk, nginxStream, type Proxy } from './proxies.js'
import type { Figure } from './report.js'

export interface RelayOptions {
  rounds: number
  /** Bytes of one measurement. */
  bytes: number
  streams: number
  directions: readonly ('up' | 'down')[]
}

export const relayFigures: Figure[] = [
  { key: 'cpu', title: 'CPU of the proxy, s per GB', digits: 3, better: 'lower' },
  { key: 'rate', title: 'Throughput, Gbit/s', digits: 2, better: 'higher' },
]

/** HAProxy with one thread and with one per core, each with and without splice: the best of them is the rival. */
const HAPROXIES = [
  haproxy({ mode: 'tcp', threads: 1, splice: false }),
  haproxy({ mode: 'tcp', threads: 1, splice: true }),
  haproxy({ mode: 'tcp', threads: 1, splice: true, pipe: 1 << 20 }),
  haproxy({ mode: 'tcp', splice: false }),
  haproxy({ mode: 'tcp', splice: true }),
]

const OURS = [mptk('reverse-tcp'), mptk('socks5')]
const RIVALS = [...HAPROXIES, nginxStream, dante, microsocks]

/** Preloads work on any rival, but only one that listens before it dials can be given an MPTCP listener alone. */
function multipathContenders(proxy: Proxy): Contender[] {
  const scenario = 'MPTCP→TCP'
  const all = { scenario, proxy, multipath: 'mptcpize' } as const
  return HAPROXIES.includes(proxy) ? [all, { scenario, proxy, multipath: 'listener only' }] : [all]
}

export function relayContenders(): Contender[] {
  return [
    ...[...OURS, ...RIVALS].map((proxy) => ({ scenario: 'TCP→TCP', proxy, multipath: 'none' as const })),
    ...OURS.map((proxy) => ({ scenario: 'MPTCP→TCP', proxy, multipath: 'own' as const })),
    ...RIVALS.flatMap(multipathContenders),
  ]
}

/** Seconds, roughly: 1 GB/s and the start of a proxy. */
export function relayEstimate(contenders: number, { rounds, bytes, directions }: RelayOptions): number {
  return contenders * rounds * directions.length * (bytes / 1e9 + 0.7)
}

export async function relay(
  contenders: readonly Contender[],
  options: RelayOptions,
  place: Workplace,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const direction of options.directions) {
    const perStream = Math.floor(options.bytes / options.streams)
    const server = await serve(place.tools, direction === 'up' ? { sink: perStream } : { source: perStream })
    try {
      const found = await contest(contenders, options.rounds, place, async (contender) => {
        const proxy = await startProxy(contender, server.port, place)
        try {
          return await measure(contender, proxy, server, direction, options, place)
        } finally {
          await proxy.program.stop()
        }
      })
      const name = direction === 'up' ? 'client to server' : 'server to client'
      rows.push(...found.map((row) => ({ ...row, scenario: `${row.scenario}, ${name}` })))
    } finally {
      await server.program.stop()
    }
  }
  return rows
}

async function measure(
  { proxy, multipath }: Contender,
  { program, port }: Running,
  server: Server,
  direction: 'up' | 'down',
  { bytes, streams }: RelayOptions,
  { tools }: Workplace,
): Promise<Record<string, number>> {
  const route: Route = {
    port,
    mptcp: multipath !== 'none',
    ...(proxy.socks && { socksTo: server.port }),
  }
  const before = cpuSeconds(program.pid)
  const moved = await bulk(tools, route, direction, bytes, streams)
  const cpu = cpuSeconds(program.pid) - before
  return { cpu: cpu / (moved.bytes / 1e9), rate: (moved.bytes * 8) / 1e9 / moved.seconds }
}
