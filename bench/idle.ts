/** Resident memory with relayed connections that carry nothing. */
import { contest, startProxy, type Contender, type Figures, type Row, type Workplace } from './contest.js'
import { hold, serve } from './load.js'
import { memory } from './proc.js'
import { dante, haproxy, microsocks, mptk, nginxStream } from './proxies.js'
import { DESCRIPTORS, RELAYED } from './descriptors.js'
import type { Figure } from './report.js'

export interface IdleOptions {
  rounds: number
  /** Numbers of connections, rising. */
  steps: readonly number[]
}

/** The steps that the limit of open files has room for, the largest possible in place of those above. */
export function possibleSteps(steps: readonly number[]): number[] {
  const possible = [...new Set(steps.map((step) => Math.min(step, RELAYED)))].sort((a, b) => a - b)
  if (possible.at(-1) === RELAYED) {
    console.log(
      `at most ${RELAYED} relayed connections fit the ${DESCRIPTORS} open files a process may have here`,
    )
  }
  return possible
}

export function idleFigures({ steps }: IdleOptions): Figure[] {
  return [0, ...steps].flatMap((step): Figure[] => [
    { key: `rss${step}`, title: `${step} RSS, MB`, digits: 1, better: 'lower' },
    { key: `pss${step}`, title: `${step} PSS, MB`, digits: 1, better: 'lower' },
  ])
}

export function idleContenders(): Contender[] {
  const rivals = [haproxy({ mode: 'tcp', splice: false }), nginxStream, dante, microsocks]
  return [
    { scenario: 'TCP clients', proxy: mptk('reverse-tcp'), multipath: 'none' },
    { scenario: 'TCP clients', proxy: mptk('socks5'), multipath: 'none' },
    ...rivals.map((proxy) => ({ scenario: 'TCP clients', proxy, multipath: 'none' as const })),
    { scenario: 'MPTCP clients', proxy: mptk('socks5'), multipath: 'own' },
  ]
}

/** Seconds, roughly: 1,000 connections opened per second. */
export function idleEstimate(contenders: number, { rounds, steps }: IdleOptions): number {
  return contenders * rounds * ((steps.at(-1) ?? 0) / 1000 + 1)
}

export async function idle(
  contenders: readonly Contender[],
  { rounds, steps }: IdleOptions,
  place: Workplace,
): Promise<Row[]> {
  const server = await serve(place.tools, 'echo')
  try {
    return await contest(contenders, rounds, place, async (contender) => {
      const proxy = await startProxy(contender, server.port, place)
      try {
        return await measure(contender, proxy.port, server.port, proxy.program.pid, steps, place)
      } finally {
        await proxy.program.stop()
      }
    })
  } finally {
    await server.program.stop()
  }
}

async function measure(
  { proxy, multipath }: Contender,
  port: number,
  target: number,
  pid: number,
  steps: readonly number[],
  { tools }: Workplace,
): Promise<Figures> {
  const figures: Figures = {}
  const record = (step: number): void => {
    const { rss, pss } = memory(pid)
    figures[`rss${step}`] = rss / 1e6
    figures[`pss${step}`] = pss / 1e6
  }
  record(0)
  const route = { port, mptcp: multipath !== 'none', ...(proxy.socks && { socksTo: target }) }
  const client = await hold(tools, route, steps)
  try {
    for (const step of steps) {
      const reached = Number(await client.line())
      if (reached !== step) throw new Error(`expected ${step} connections, found ${reached}`)
      record(step)
      client.writeLine()
    }
  } finally {
    await client.stop()
  }
  return figures
}
