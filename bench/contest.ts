/** Contenders measured in turn, A B C A B C …, so that what disturbs the machine disturbs all of them. */
import { freePort, Program } from './programs.js'
import type { Multipath, Proxy } from './proxies.js'
import type { Tools } from './load.js'

export interface Contender {
  /** What is compared with what: ratios are taken within a scenario. */
  scenario: string
  proxy: Proxy
  multipath: Multipath
}

export interface Workplace {
  directory: string
  tools: Tools
  /** Progress, for a person waiting. */
  say(line: string): void
}

export interface Running {
  program: Program
  port: number
}

export type Figures = Record<string, number>

export interface Row {
  scenario: string
  name: string
  ours: boolean
  /** One entry for each round. */
  rounds: Figures[]
  /** Why it was taken out of the contest. */
  failure?: string
}

export function contenderName({ proxy, multipath }: Contender): string {
  return multipath === 'none' || multipath === 'own' ? proxy.name : `${proxy.name} (${multipath})`
}

/** Starts the contender in front of the target's port. The caller stops it. */
export async function startProxy(
  { proxy, multipath }: Contender,
  target: number,
  place: Workplace,
): Promise<Running> {
  const port = await freePort()
  const { directory, tools } = place
  const command = await proxy.command({ directory, preload: tools.preload, port, target, multipath })
  const program = await Program.start(proxy.name, command)
  try {
    await program.listening(port)
  } catch (error) {
    await program.stop()
    throw error
  }
  return { program, port }
}

/**
 * Measures every contender once a round. One that fails is taken out, with the reason kept:
 * the others' figures stay good.
 */
export async function contest(
  contenders: readonly Contender[],
  rounds: number,
  place: Workplace,
  measure: (contender: Contender) => Promise<Figures>,
): Promise<Row[]> {
  const rows = contenders.map((contender) => {
    const { scenario, proxy } = contender
    const row: Row = { scenario, name: contenderName(contender), ours: proxy.ours, rounds: [] }
    return { contender, row }
  })
  for (let round = 1; round <= rounds; round++) {
    for (const { contender, row } of rows) {
      if (row.failure !== undefined) continue
      try {
        row.rounds.push(await measure(contender))
      } catch (error) {
        row.failure = error instanceof Error ? error.message : String(error)
        place.say(`${row.name} failed: ${row.failure}`)
      }
    }
    place.say(`round ${round} of ${rounds} done`)
  }
  return rows.map(({ row }) => row)
}
