/** Requests per second over kept connections, wrk in front, nginx behind. */
import { execa } from 'execa'
import { contest, startProxy, type Contender, type Figures, type Row, type Workplace } from './contest.js'
import { cpuSeconds } from './proc.js'
import { haproxy, mptk, nginxStream, nginxWeb } from './proxies.js'
import { freePort, Program } from './programs.js'
import type { Figure } from './report.js'

export interface HttpOptions {
  rounds: number
  /** Of one measurement. */
  seconds: number
  connections: number
}

export const httpFigures: Figure[] = [
  { key: 'rate', title: 'Requests per s', digits: 0, better: 'higher' },
  { key: 'p50', title: 'Time p50, ms', digits: 2, better: 'lower' },
  { key: 'p99', title: 'Time p99, ms', digits: 2, better: 'lower' },
  { key: 'cpu', title: 'CPU of the proxy, s per 100,000', digits: 2, better: 'lower' },
  { key: 'failures', title: 'Failures', digits: 0, better: 'lower', absolute: true },
]

export function httpContenders(): Contender[] {
  const proxies = [
    mptk('reverse-tcp'),
    haproxy({ mode: 'tcp', splice: false }),
    haproxy({ mode: 'tcp', splice: true }),
    haproxy({ mode: 'http', splice: false }),
    haproxy({ mode: 'http', threads: 1, splice: false }),
    nginxStream,
  ]
  return proxies.map((proxy) => ({ scenario: 'HTTP/1.1 kept connections', proxy, multipath: 'none' }))
}

export function httpEstimate(contenders: number, { rounds, seconds }: HttpOptions): number {
  return contenders * rounds * (seconds + 1)
}

export async function http(
  contenders: readonly Contender[],
  options: HttpOptions,
  place: Workplace,
): Promise<Row[]> {
  const port = await freePort()
  const setting = { directory: place.directory, preload: place.tools.preload, port, target: 0 }
  const web = await Program.start('nginx', await nginxWeb({ ...setting, multipath: 'none' }))
  try {
    await web.listening(port)
    const direct = await wrk(port, options)
    place.say(`without a proxy: ${direct.rate?.toFixed(0) ?? '?'} requests per second`)
    return await contest(contenders, options.rounds, place, async (contender) => {
      const proxy = await startProxy(contender, port, place)
      try {
        const before = cpuSeconds(proxy.program.pid)
        const { requests = 0, ...figures } = await wrk(proxy.port, options)
        const cpu = cpuSeconds(proxy.program.pid) - before
        return { ...figures, cpu: (cpu * 1e5) / requests }
      } finally {
        await proxy.program.stop()
      }
    })
  } finally {
    await web.stop()
  }
}

async function wrk(port: number, { seconds, connections }: HttpOptions): Promise<Figures> {
  const flags = ['-t2', `-c${connections}`, `-d${seconds}s`, '--latency']
  const { stdout } = await execa('wrk', [...flags, `http://127.0.0.1:${port}/`])
  return parseWrk(stdout)
}

const UNITS: Record<string, number> = { us: 1e-3, ms: 1, s: 1e3 }

/** wrk's report: requests in all, requests per second, milliseconds, failures of any kind. */
export function parseWrk(text: string): Figures {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? NaN)
  const milliseconds = (percent: number): number => {
    const match = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(text)
    return Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN)
  }
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)
  const failures = [...(errors ?? []).slice(1), ...(refused ?? []).slice(1)]
  const figures = {
    requests: number(/(\d+) requests in/),
    rate: number(/Requests\/sec:\s+([\d.]+)/),
    p50: milliseconds(50),
    p99: milliseconds(99),
    failures: failures.reduce((sum, each) => sum + Number(each), 0),
  }
  if (Object.values(figures).some(Number.isNaN)) throw new Error(`cannot read wrk's report: ${text}`)
  return figures
}
