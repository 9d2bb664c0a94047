/** Plans and states of a host as people and as programs read them; secrets in neither. */
import { commandText } from '../../provisioning/command-text.js'
import type { Plan } from '../../provisioning/plan.js'
import type { Command } from '../../provisioning/resource.js'
import type { Undoing } from '../../provisioning/revert.js'
import type { HostReport } from '../../provisioning/status.js'
import { shellLine } from '../shell-quote.js'

interface Line {
  id: string
  why?: string
  from: string
  to: string
  commands: readonly Command[]
}

function stepText(sign: string, { id, why, from, to, commands }: Line): string {
  const head = `${sign} ${id}: ${from} → ${to}\n`
  // not indented: a here-document must be pasted as it is
  return `${head}${why === undefined ? '' : `  # ${why}\n`}${commands.map(commandText).join('')}\n`
}

function remarks({ notes, warnings }: Pick<Plan, 'notes' | 'warnings'>): string {
  return [...warnings.map((each) => `warning: ${each}\n`), ...notes.map((each) => `note: ${each}\n`)].join('')
}

export function planText(plan: Plan): string {
  const { obsolete, steps } = plan
  return `${[
    ...obsolete.map((step) => stepText('-', step)),
    ...steps.map((step) => stepText('+', step)),
  ].join('')}${remarks(plan)}${summary(plan, 'to change')}\n`
}

export function appliedText(plan: Plan): string {
  return `${remarks(plan)}${summary(plan, 'changed')}\n`
}

function summary({ obsolete, steps, unchanged }: Plan, done: string): string {
  if (steps.length + obsolete.length === 0) return `nothing to do: ${unchanged} as wanted`
  const back = obsolete.length === 0 ? '' : `, ${obsolete.length} no longer wanted`
  return `${steps.length} ${done}${back}, ${unchanged} as wanted already`
}

function commandJson({ argv, input, secret }: Command) {
  return { argv, ...(secret === true ? { secret } : input === undefined ? {} : { input }) }
}

function stepJson({ id, why, from, to, commands }: Line) {
  return { id, ...(why === undefined ? {} : { why }), from, to, commands: commands.map(commandJson) }
}

export function planJson({ obsolete, steps, unchanged, notes, warnings }: Plan) {
  return { obsolete: obsolete.map(stepJson), steps: steps.map(stepJson), unchanged, notes, warnings }
}

export function undoingText(steps: readonly Undoing[]): string {
  return `${steps.map((step) => stepText('-', step)).join('')}${steps.length} to put back\n`
}

export function undoingJson(steps: readonly Undoing[]) {
  return { steps: steps.map(stepJson) }
}

const MARK = { ok: 'ok   ', drift: 'DRIFT', live: 'live ', gone: 'gone ', changed: 'edit ' }

export function statusText({ config, state, seconds = 0, guard, rebooted, resources }: HostReport): string {
  const by = guard === undefined || guard === '' ? 'its guard' : guard
  const head = {
    applied: `applied from ${config}`,
    applying: `being applied from ${config}, or broken off: will be undone by ${by} in ${seconds} s unless it goes on`,
    waiting: `applied from ${config}; will be undone by ${by} in ${seconds} s unless confirmed (mptk confirm)`,
    unguarded: `applied from ${config} and not confirmed, but ${by}, which was to undo it, is gone: nothing will undo it by itself: mptk confirm keeps it, mptk revert undoes it`,
    interrupted: `interrupted (from ${config}): mptk apply goes on from what was before, mptk revert puts it back`,
  }[state]
  const apply = shellLine(['mptk', 'apply', '--config', config])
  const lines = resources.map(({ id, status, wanted, found, files = [] }) => {
    if (status === 'ok') return `${MARK.ok}  ${id}`
    if (status === 'changed') {
      const have = files.length === 1 ? 'has' : 'have'
      return `${MARK.changed}  ${id}: ${files.join(', ')} ${have} changed since it was applied: ${apply}`
    }
    return `${MARK[status]}  ${id}: is ${found ?? ''}, was set to ${wanted ?? ''}`
  })
  const boot = rebooted
    ? ['rebooted since (or another network namespace): mptk apply sets again what is gone']
    : []
  return `${[head, ...boot, ...lines].join('\n')}\n`
}
