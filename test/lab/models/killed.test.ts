/**
 * `mptk apply` of every shipped example killed (-9) at its calls: revert leaves no trace all the same.
 * Killed at the first call of each kind that a host makes (the same command on another object is no other
 * kind) and at the last one, at night at every call.
 */
import t, { type Test } from 'tap'
import type { LabHost } from '../../../mininet/lab-host.js'
import { MPTK_ENV, mptkCommand } from '../../../mininet/mptk-process.js'
import { KillingFlock } from '../../support/killing-flock.js'
import {
  CONFIG,
  install,
  mptk,
  same,
  snapshot,
  startDns,
  startModels,
  strangers,
} from '../../support/models.js'
import { scratchFolder } from '../../support/scratch.js'
import { NIGHTLY } from '../../support/tier.js'

const NEVER = 0

/** `ip -4 rule add from 10.0.1.2` and `ip -6 rule add from fd00:1::2` are of one kind, and so is a script with other arguments. */
function kindOf(call: string): string {
  const words = call.replace(/^-o \S+ /, '').split(/\s+/)
  if (words[0] === 'sh') return words.slice(0, 6).join(' ')
  return words
    .filter((word) => !word.startsWith('-'))
    .slice(0, 3)
    .join(' ')
}

/** Numbers, from 1, of the first call of each kind that was not `seen` yet, and of the last call of all. */
function telling(calls: readonly string[], seen: Set<string>): number[] {
  const numbers = new Set<number>()
  for (const [index, call] of calls.entries()) {
    if (!seen.has(kindOf(call))) numbers.add(index + 1)
    seen.add(kindOf(call))
  }
  return [...numbers.add(calls.length)]
}

async function killedAt(t: Test, host: LabHost, example: string, seen: Set<string>): Promise<void> {
  await install(host, example)
  const before = await snapshot(host)
  const flock = new KillingFlock(scratchFolder(t))
  const apply = async (call: number) => {
    flock.killAt(call)
    const run = host.spawn(mptkCommand('apply', '--config', CONFIG), { env: { ...MPTK_ENV, ...flock.env } })
    flock.victim(run.pid)
    const ended = await run.exited
    return { ...ended, last: run.lines.at(-1) ?? '' }
  }
  const whole = await apply(NEVER)
  t.equal(whole.exitCode, 0, `${example}: applied: ${whole.last}`)
  const { commands } = flock
  t.ok(commands.length > 10, `${example}: ${commands.length} calls`)
  await mptk(host, 'revert')
  same(t, await snapshot(host), before, `${example}: applied and reverted`)

  const calls = NIGHTLY ? commands.map((_, index) => index + 1) : telling(commands, seen)
  t.comment(`${example}: killed at ${calls.length} of ${commands.length} calls`)
  for (const call of calls) {
    const { signal } = await apply(call)
    t.equal(signal, 'SIGKILL', `${example}: killed at call ${call}: ${commands[call - 1] ?? ''}`)
    await mptk(host, 'revert')
    const after = await snapshot(host)
    if (after !== before) same(t, after, before, `${example}, call ${call}`)
  }
}

void t.test('apply killed at its calls', async (t) => {
  const models = await startModels(t)
  const [home, proxy] = [models.lab.host('home'), models.lab.host('proxy')]
  const sites = ['www.example.org', 'shop.example.org']
  await startDns(
    models,
    sites.map((name) => [name, '10.0.3.2'] as const),
  )
  await Promise.all([strangers(home), strangers(proxy)])
  // a host each, at the same time
  await Promise.all(
    [
      { host: home, examples: ['client', 'router'] },
      { host: proxy, examples: ['proxy', 'reverse'] },
    ].map(async ({ host, examples }) => {
      const seen = new Set<string>()
      for (const example of examples) await killedAt(t, host, example, seen)
    }),
  )
})
