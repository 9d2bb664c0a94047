/** The transaction of an apply: journal, changes, read-back; undone when any of it fails. */
import { randomBytes } from 'node:crypto'
import { describeError, MptkError } from '../src/errors.js'
import { change, TooLate, type Wait } from './change.js'
import { driverOf } from './driver-of.js'
import type { EnginePlace } from './engine-place.js'
import { journalText, type Journal, type JournalStep } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import type { Plan, Step } from './plan.js'
import { probeAll } from './probe-all.js'
import { putBack } from './put-back.js'
import { PERSISTENT, resourceId, type Description, type Resource } from './resource.js'
import {
  disarm,
  extend,
  readState,
  startGuard,
  stateScript,
  untilUndone,
  writeCommand,
} from './state-folder.js'
import { CONFIRMED, FORGET } from './state-scripts.js'
import { finishRollback, undoScript } from './undo-script.js'

export interface Work {
  plan: Plan
  description: Description
  /** The journal as it is, if there is one, and what of it still stands. */
  earlier: Journal | undefined
  standing: readonly JournalStep[]
  table: DriverTable
  place: EnginePlace
  config: string
  confirmWithin?: number
  signal?: AbortSignal
  progress?: (line: string) => void
}

/** @throws {MptkError} MPTK_APPLY with everything undone, unless it says otherwise */
export async function carryOut(work: Work): Promise<void> {
  const { plan, place, table, confirmWithin, progress } = work
  const wait = confirmWithin === undefined ? undefined : waitWhileApplying(confirmWithin)
  const journal = openJournal(work, wait?.token)
  await prepare(work, journal)
  let armed: string | undefined
  try {
    if (wait !== undefined) {
      const warning = await startGuard(place, wait.token, wait.seconds)
      armed = wait.token
      if (warning !== undefined) progress?.(`warning: ${warning}`)
    }
    for (const step of [...plan.obsolete, ...plan.steps]) await carryOutStep(step, work, wait)
    if (wait !== undefined) await putOff(place, wait)
    await readBack(plan, table, place)
    await close(work, journal, wait)
    // the time to confirm is whoever's who reads that all is done
    if (wait !== undefined) await putOff(place, { ...wait, seconds: confirmWithin ?? wait.seconds })
  } catch (error) {
    progress?.(`failed, putting everything back: ${describeError(error)}`)
    throw await undone(error, work, journal, armed)
  }
}

/** Seconds that one step may take before the apply counts as broken off. */
const STEP_SECONDS = 60

/** Until all is done each step puts the end off: an apply that dies is undone so many seconds after its last one. */
function waitWhileApplying(confirmWithin: number): Wait {
  return { token: randomBytes(8).toString('hex'), seconds: Math.max(confirmWithin, STEP_SECONDS) }
}

async function putOff(place: EnginePlace, { token, seconds }: Wait): Promise<void> {
  if (!(await extend(place, token, seconds))) throw new TooLate()
}

function openJournal({ plan, description, standing, place, config }: Work, token?: string): Journal {
  const dropped = new Set(plan.obsolete.map(({ id }) => id))
  const steps = wantedSteps(description, plan, standing)
  const changed = new Set(steps.map(({ id }) => id))
  const bare = ({ id, resource, previous }: JournalStep): JournalStep => ({ id, resource, previous })
  return {
    version: 1,
    epoch: place.epoch,
    netns: place.netns,
    config,
    state: 'applying',
    // what is no longer wanted is put back first, by undo.sh as by us
    steps: [...steps, ...standing.filter(({ id }) => dropped.has(id))],
    already: description.resources.filter((each) => !changed.has(resourceId(each)) && isOfKernel(each)),
    before: [...plan.obsolete, ...plan.steps].map(bare),
    token,
  }
}

/** Not of the disk, which holds secrets too. */
const isOfKernel = ({ kind }: Resource): boolean => !PERSISTENT.has(kind)

/** In the order of the description, each with what there was before the first apply that wanted it. */
function wantedSteps(
  { resources }: Description,
  { steps }: Plan,
  standing: readonly JournalStep[],
): JournalStep[] {
  const ours = new Map(standing.map((step) => [step.id, step]))
  const fresh = new Map(steps.map((step) => [step.id, step]))
  return resources.flatMap((resource) => {
    const id = resourceId(resource)
    const step = ours.get(id) ?? fresh.get(id)
    // what was so already is not ours
    return step === undefined ? [] : [{ id, resource, previous: step.previous }]
  })
}

/** Everything that is needed to undo, on the disk; the journal last, which says that it is there. */
async function prepare({ earlier, table, place }: Work, journal: Journal): Promise<void> {
  const rollback = undoScript(journal.before ?? [], finishRollback(earlier, table, place), table, place)
  await change(place, writeCommand(place, 'rollback.sh', rollback))
  await change(place, writeCommand(place, 'undo.sh', undoScript(journal.steps, FORGET, table, place)))
  await change(place, writeCommand(place, 'journal.json', journalText(journal)))
}

async function carryOutStep(step: Step, work: Work, wait?: Wait): Promise<void> {
  const { place, signal, progress } = work
  progress?.(`${step.id}: ${step.from} → ${step.to}`)
  for (const command of step.commands) {
    if (signal?.aborted === true) {
      throw new MptkError('MPTK_APPLY', `interrupted (${describeError(signal.reason)})`)
    }
    try {
      await change(place, command, wait)
    } catch (cause) {
      if (cause instanceof TooLate) throw cause
      throw new MptkError('MPTK_APPLY', `${step.id}: ${describeError(cause)}`, { cause })
    }
  }
}

/** The kernel may take a setting and not do it; a later step may have changed an earlier one. */
async function readBack({ obsolete, steps }: Plan, table: DriverTable, place: EnginePlace): Promise<void> {
  const states = await probeAll(
    [...steps, ...obsolete].map(({ resource }) => resource),
    table,
    place,
  )
  for (const [index, { id, resource, to }] of steps.entries()) {
    const driver = driverOf(table, resource)
    const state = states[index] ?? null
    if (driver.satisfied(state, resource)) continue
    throw new MptkError(
      'MPTK_APPLY',
      `${id}: set, but reads back as ${driver.describe(state, resource).from}, not ${to}`,
    )
  }
}

async function close({ plan, table, place }: Work, journal: Journal, wait?: Wait): Promise<void> {
  const dropped = new Set(plan.obsolete.map(({ id }) => id))
  const steps = journal.steps.filter(({ id }) => !dropped.has(id))
  if (steps.length === 0 && wait === undefined) {
    await change(place, { argv: stateScript(place, FORGET) })
    return
  }
  if (dropped.size > 0) {
    await change(place, writeCommand(place, 'undo.sh', undoScript(steps, FORGET, table, place)), wait)
  }
  const done: Journal =
    wait === undefined
      ? { ...journal, steps, state: 'applied', before: undefined }
      : { ...journal, steps, state: 'pending' }
  await change(place, writeCommand(place, 'journal.json', journalText(done)), wait)
  if (wait === undefined) await change(place, { argv: stateScript(place, CONFIRMED) })
}

/** Undoes all of it, or waits for the guard that does. @returns the error to throw */
async function undone(error: unknown, work: Work, journal: Journal, armed?: string): Promise<MptkError> {
  const { table, place } = work
  const what = describeError(error)
  try {
    if (armed === undefined || (await disarm(place, armed))) {
      await putBack('rollback.sh', journal.before ?? [], table, place)
    } else {
      await untilUndone(place)
      if ((await readState(place))?.interrupted === true) throw new Error('the guard failed')
      if (error instanceof TooLate) return error
    }
    return new MptkError('MPTK_APPLY', `${what} (everything was undone)`, { cause: error })
  } catch (failure) {
    const later = armed === undefined ? '' : '; the guard on the host tries when its time has come'
    return new MptkError(
      'MPTK_APPLY',
      `${what}; and not all could be undone: ${describeError(failure)}${later}: see mptk status and mptk revert`,
      { cause: error },
    )
  }
}
