/** Bringing a description about, or nothing of it. */
import { MptkError } from '../src/errors.js'
import { carryOut } from './carry-out.js'
import type { EnginePlace } from './engine-place.js'
import { stillStanding } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { withLock } from './lock.js'
import { isEmpty, makePlan, type Plan } from './plan.js'
import { mending, putBack } from './put-back.js'
import type { Description } from './resource.js'
import { forget, readState, stopWaiting, type HostState } from './state-folder.js'

export interface ApplyOptions {
  table: DriverTable
  place: EnginePlace
  /** Called once what an interrupted apply left is put back. */
  describe: () => Promise<Description>
  /** Name of the configuration, for the journal. */
  config: string
  /** Undo everything unless confirmed within so many seconds. */
  confirmWithin?: number
  /** Nobody asks for it but the machine: what was not confirmed, or to be reverted, is put back and stays so. */
  atBoot?: boolean
  signal?: AbortSignal
  /** A line for people per thing done. */
  progress?: (line: string) => void
}

/**
 * @returns what was done: an empty plan when there was nothing to do
 * @throws {MptkError} MPTK_HOST, MPTK_JOURNAL, MPTK_EXEC with nothing changed; MPTK_APPLY with
 *   everything undone, unless it says otherwise
 */
export async function apply(options: ApplyOptions): Promise<Plan> {
  for (;;) {
    const plan = await withLock(options.place, () => attempt(options))
    if (plan !== undefined) return plan
  }
}

const PUT_BACK: Plan = {
  obsolete: [],
  steps: [],
  unchanged: 0,
  notes: ['what was not confirmed, or half reverted, before the machine went down is put back'],
  warnings: [],
}

/** Undefined when all that was done was to put back: the folder may be gone with it, and the lock in it. */
async function attempt(options: ApplyOptions): Promise<Plan | undefined> {
  const { place, table, atBoot = false } = options
  try {
    const state = await readState(place)
    if (await recover(options, state)) {
      const unwanted = state?.journal.token !== undefined || state?.journal.state === 'applied'
      return atBoot && unwanted ? PUT_BACK : undefined
    }
    const earlier = state?.journal
    const standing = earlier === undefined ? [] : stillStanding(earlier.steps, earlier.epoch, place)
    const description = await options.describe()
    const plan = await makePlan(description, table, place, standing)
    if (!isEmpty(plan)) await carryOut({ ...options, plan, description, earlier, standing })
    return plan
  } finally {
    if ((await readState(place).catch(() => 'unreadable')) === undefined) await forget(place)
  }
}

/** Puts back what an interrupted apply or revert left; true when there was any. */
async function recover(
  { place, table, progress }: ApplyOptions,
  state: HostState | undefined,
): Promise<boolean> {
  if (state?.waiting !== undefined) {
    const { token, seconds, guarded, guard } = state.waiting
    if (state.journal.state === 'pending') {
      const until = guarded
        ? `${seconds} s more`
        : `and nobody would undo it any more (${guard || 'its guard'} is gone)`
      throw new MptkError(
        'MPTK_JOURNAL',
        `the last apply waits for mptk confirm, ${until}: confirm or revert it first`,
      )
    }
    // we have the lock: whoever was applying is gone
    await stopWaiting(place, token)
    return true
  }
  if (state?.interrupted !== true) return false
  progress?.('an earlier run was interrupted: putting back what it did')
  const { script, steps } = mending(state)
  await putBack(script, stillStanding(steps, state.journal.epoch, place), table, place)
  return true
}
