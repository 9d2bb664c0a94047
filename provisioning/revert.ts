/** Back to what was there before the first apply. */
import { driverOf } from './driver-of.js'
import type { EnginePlace } from './engine-place.js'
import { stillStanding, type JournalStep } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { withLock } from './lock.js'
import { probeAll, sameState } from './probe-all.js'
import { putBack } from './put-back.js'
import { folderExists, forget, readState, stopWaiting } from './state-folder.js'
import type { Command } from './resource.js'

/** What a revert does to one resource. */
export interface Undoing {
  id: string
  from: string
  to: string
  commands: Command[]
}

export interface RevertOptions {
  table: DriverTable
  place: EnginePlace
}

/**
 * Works whatever state an apply or another revert was left in.
 * @returns what was undone, in its order; undefined when there was nothing to revert
 * @throws {MptkError} MPTK_APPLY when something is not as it was before, MPTK_JOURNAL
 */
export async function revert({ table, place }: RevertOptions): Promise<JournalStep[] | undefined> {
  if (!(await folderExists(place))) return undefined
  return withLock(place, async () => {
    let state = await readState(place)
    if (state?.waiting !== undefined) {
      await stopWaiting(place, state.waiting.token)
      state = await readState(place)
    }
    if (state === undefined) {
      await forget(place)
      return undefined
    }
    const steps = stillStanding(state.journal.steps, state.journal.epoch, place)
    await putBack('undo.sh', steps, table, place)
    return steps.toReversed()
  })
}

/** What {@link revert} would do now, without doing it. @throws {MptkError} MPTK_JOURNAL */
export async function planRevert({ table, place }: RevertOptions): Promise<Undoing[] | undefined> {
  const state = await readState(place)
  if (state === undefined) return undefined
  const steps = stillStanding(state.journal.steps, state.journal.epoch, place).reverse()
  const states = await probeAll(
    steps.map(({ resource }) => resource),
    table,
    place,
  )
  return steps.flatMap(({ id, resource, previous }, index) => {
    const driver = driverOf(table, resource)
    const now = states[index] ?? null
    if (sameState(now, previous)) return []
    const { from } = driver.describe(now, resource)
    const { from: to } = driver.describe(previous, resource)
    return [{ id, from, to, commands: driver.restore(previous, resource, place) }]
  })
}
