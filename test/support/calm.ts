/**
 * Measuring times on a machine that others use too: a control probe tells whether a figure that is
 * out of bounds is the machine's doing or that of what is measured.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { percentile, ping } from './measure.js'

const ATTEMPTS = 16
/** Looks at a machine that was disturbed before the next attempt is made anyhow; one takes half a second and more. */
const LOOKS = 20
/**
 * Attempts out of bounds that are allowed while the control probe saw nothing: it looks only every
 * 10 ms, and not at all at how late timers are.
 */
const CALM_FAILURES = 3
/** The control's round trips over a plain veth, milliseconds; usual are 0.05 and 0.1. */
const CONTROL_P99 = 0.3
const CONTROL_MAX = 1

/** Time that the hypervisor gave to others, in ticks of all processors (proc_stat(5)). */
function stolen(): number {
  const [cpu = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  return Number(cpu.split(/\s+/)[8] ?? 0)
}

export interface Figures {
  /** For the log. */
  text: string
  /** Those out of bounds; the measurement is good without any. */
  wrong: string[]
}

/** What the control probe's round trips say: their figures, and whether the machine was disturbed. */
function judge(control: readonly number[], ticks: number): [string, boolean] {
  const [p99, most] = [percentile(control, 0.99), Math.max(...control)]
  const text = `control: p99 ${p99} ms, max ${most} ms, ${ticks} ticks stolen`
  return [text, p99 > CONTROL_P99 || most > CONTROL_MAX || ticks > 0]
}

const look = (prefix: readonly string[], address: string): Promise<number[]> =>
  ping(prefix, '-i', '0.01', '-c', '50', address)

/** Waits until the control probe sees nothing any more, within bounds. */
async function untilCalm(prefix: readonly string[], address: string): Promise<void> {
  for (let looks = 0; looks < LOOKS; looks++) {
    const before = stolen()
    const [, disturbed] = judge(await look(prefix, address), stolen() - before)
    if (!disturbed) return
  }
}

/** Probes while `measure` runs. @returns what disturbed the machine, or undefined */
async function watch<T>(
  prefix: readonly string[],
  address: string,
  measure: () => Promise<T>,
): Promise<[T, string, boolean]> {
  const before = stolen()
  const ended = new AbortController()
  const probing = (async () => {
    const out: number[] = []
    while (!ended.signal.aborted) out.push(...(await look(prefix, address)))
    return out
  })()
  const result = await measure().finally(() => ended.abort())
  return [result, ...judge(await probing, stolen() - before)]
}

/**
 * Repeats a measurement that is out of bounds: as long as the machine was disturbed meanwhile, and at
 * most a few times, each when it has calmed down. Every attempt's figures are printed as they are.
 * @param prefix words that take a command to the namespace from which `address` is reached over a plain veth
 */
export async function measured(
  t: Test,
  what: string,
  prefix: readonly string[],
  address: string,
  measure: () => Promise<Figures>,
): Promise<void> {
  let calmFailures = 0
  for (let attempt = 1; ; attempt++) {
    const [figures, control, disturbed] = await watch(prefix, address, measure)
    const verdict = figures.wrong.length === 0 ? 'good' : figures.wrong.join('; ')
    t.comment(`${what}, attempt ${attempt}: ${figures.text}: ${verdict} (${control})`)
    if (figures.wrong.length === 0) {
      t.pass(what)
      return
    }
    if (!disturbed) calmFailures++
    if (attempt === ATTEMPTS || calmFailures > CALM_FAILURES) {
      t.fail(`${what}: ${verdict} (${control})`)
      return
    }
    await untilCalm(prefix, address)
  }
}
