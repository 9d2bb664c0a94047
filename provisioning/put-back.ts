/** Running an undo script and looking at what came of it. */
import { MptkError } from '../src/errors.js'
import { driverOf } from './driver-of.js'
import type { EnginePlace } from './engine-place.js'
import type { JournalStep } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { probeAll, sameState } from './probe-all.js'
import type { HostState } from './state-folder.js'

/** `undo.sh`: to before the first apply. `rollback.sh`: to before the last one. */
export type UndoScriptName = 'undo.sh' | 'rollback.sh'

/**
 * Ends with the state folder as it was then. When something cannot be put back the rest is, and
 * the journal stays.
 * @param steps what the script puts back
 * @throws {MptkError} MPTK_APPLY naming all that differs
 */
export async function putBack(
  script: UndoScriptName,
  steps: readonly JournalStep[],
  table: DriverTable,
  place: EnginePlace,
): Promise<void> {
  const run = (part: string) =>
    place.runner.run(['sh', `${place.state}/${script}`, part], { detached: true, reject: false })
  const { exitCode, stderr } = await run('undo')
  const differing = await differingFrom(steps, table, place)
  if (exitCode !== 0 || differing.length > 0) {
    const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ')
    const problems = [...differing, ...(said === '' ? [] : [said])].join('; ')
    throw new MptkError(
      'MPTK_APPLY',
      `not everything is as it was before: ${problems || `exit code ${exitCode}`}`,
    )
  }
  await run('finish')
}

/** Which script mends an interrupted apply or revert, and what it puts back. */
export function mending({ journal }: HostState): { script: UndoScriptName; steps: JournalStep[] } {
  return journal.state === 'applied' || journal.before === undefined
    ? { script: 'undo.sh', steps: journal.steps }
    : { script: 'rollback.sh', steps: journal.before }
}

async function differingFrom(
  steps: readonly JournalStep[],
  table: DriverTable,
  place: EnginePlace,
): Promise<string[]> {
  // a driver without commands leaves its thing on purpose, as a loaded module
  const told = steps.filter(
    ({ resource, previous }) => driverOf(table, resource).restore(previous, resource, place).length > 0,
  )
  const states = await probeAll(
    told.map(({ resource }) => resource),
    table,
    place,
  )
  return told.flatMap(({ id, resource, previous }, index) => {
    const state = states[index] ?? null
    const driver = driverOf(table, resource)
    const restored = driver.restored?.(state, previous) ?? sameState(state, previous)
    if (restored) return []
    return [
      `${id} is ${driver.describe(state, resource).from}, was ${driver.describe(previous, resource).from}`,
    ]
  })
}
