/** The state folder as the engine sees it, wherever it is; what is in it: state-scripts.ts. */
import { MptkError } from '../src/errors.js'
import type { RunResult } from '../src/exec.js'
import { shellWord } from '../src/shell-quote.js'
import { otherNamespace, type EnginePlace } from './engine-place.js'
import { parseJournal, stillStanding, type Journal, type JournalStep } from './journal.js'
import { DISARM, EXTEND, GUARD, WATCH } from './guard-scripts.js'
import { FORGET, KEEP, LIVES_IN, PREPARE, READ, UNTIL_UNDONE, WRITE } from './state-scripts.js'
import { UNTRUSTED_CODE, untrustedState } from './state-trust.js'

export interface HostState {
  journal: Journal
  /** An apply, under way or done, that will be undone unless it goes on or is confirmed. */
  waiting?: Waiting
  /** An apply or an undoing broke off in the middle. */
  interrupted: boolean
}

export interface Waiting {
  token: string
  /** Until it is undone; negative where nobody did it in time. */
  seconds: number
  /** `unit mptk-undo-….service`, `process 4711`: who undoes it. */
  guard: string
  /** False: it runs no more, so that nothing will be undone by itself. */
  guarded: boolean
}

/** A script with `$state` set. Never with the terminal's signals. */
export function stateScript(place: EnginePlace, script: string): string[] {
  return ['sh', '-c', `state=${shellWord(place.state)}\n${script}`, 'mptk']
}

async function runScript(
  place: EnginePlace,
  script: string,
  args: string[] = [],
  input = '',
): Promise<RunResult> {
  return place.runner.run([...stateScript(place, script), ...args], { input, detached: true, reject: false })
}

/** @throws {MptkError} MPTK_JOURNAL, MPTK_UNTRUSTED_FILE */
export async function prepareFolder(place: EnginePlace): Promise<void> {
  const { exitCode, stderr } = await runScript(place, PREPARE)
  if (exitCode === UNTRUSTED_CODE) {
    throw new MptkError('MPTK_UNTRUSTED_FILE', untrustedState(place.state, stderr))
  }
  if (exitCode !== 0) throw new MptkError('MPTK_JOURNAL', `${place.state} cannot be made: ${stderr}`)
}

export async function folderExists(place: EnginePlace): Promise<boolean> {
  return (await runScript(place, '[ -d "$state" ]')).exitCode === 0
}

/** Removes everything of ours from the folder, and the folder when we made it. */
export async function forget(place: EnginePlace): Promise<void> {
  await runScript(place, FORGET)
}

/** What is applied here, if anything. @throws {MptkError} MPTK_JOURNAL */
export async function readState(place: EnginePlace): Promise<HostState | undefined> {
  if (place.unprivileged?.journal === false) {
    throw new MptkError('MPTK_JOURNAL', `what is applied here cannot be read without root (${place.state})`)
  }
  const { stdout, stderr, exitCode } = await runScript(place, READ)
  const name = `${place.state}/journal.json`
  if (exitCode !== 0) throw new MptkError('MPTK_JOURNAL', `${name} cannot be read: ${stderr}`)
  if (stdout === '') return undefined
  const blank = stdout.indexOf('\n\n')
  const [flag, pending] = stdout.slice(0, blank).split('\n')
  const journal = parseJournal(stdout.slice(blank + 2), name)
  if (journal.netns !== place.netns) {
    const where = journal.netns === undefined ? 'without --netns' : `with --netns ${journal.netns}`
    throw new MptkError('MPTK_JOURNAL', `${name} was made ${where}: say so here too`)
  }
  await refuseElsewhere(place, journal, name)
  const [token, seconds, alive, ...guard] = pending?.split(' ') ?? []
  // nobody waits any more whom a reboot has ended, whoever has his process id now
  const waits = token !== undefined && token === journal.token && journal.epoch === place.epoch
  const interrupted = flag === 'undoing' || (journal.state !== 'applied' && !waits)
  if (!waits) return { journal, interrupted }
  const waiting = { token, seconds: Number(seconds), guard: guard.join(' '), guarded: alive === 'alive' }
  return { journal, interrupted, waiting }
}

/** Settings of a namespace that still lives are not gone: to forget them here would leave them there for good. */
async function refuseElsewhere(place: EnginePlace, journal: Journal, name: string): Promise<void> {
  const namespace = place.netns === undefined ? otherNamespace(journal.epoch, place.epoch) : undefined
  if (namespace === undefined) return
  const { stdout } = await runScript(place, LIVES_IN, [namespace])
  if (stdout === '') return
  throw new MptkError(
    'MPTK_JOURNAL',
    `${name} was made in another network namespace, ${namespace} (of process ${stdout}): expected to run there, as by nsenter --net --target ${stdout}`,
  )
}

/** What is applied here and still stands, as far as we may know it. @throws {MptkError} MPTK_JOURNAL */
export async function readStanding(place: EnginePlace): Promise<JournalStep[]> {
  if (place.unprivileged?.journal === false) return []
  const journal = (await readState(place))?.journal
  return journal === undefined ? [] : stillStanding(journal.steps, journal.epoch, place)
}

/** How to write a file of the folder: whole, synced, mode 0600. */
export function writeCommand(place: EnginePlace, name: string, text: string) {
  return { argv: [...stateScript(place, WRITE), name, String(Buffer.byteLength(text))], input: text }
}

/**
 * From now on everything is undone after so many seconds unless {@link extend} puts it off or {@link disarm} ends it.
 * @returns what may end the guard before its time, if anything is known
 * @throws {MptkError} MPTK_APPLY where nobody could keep the promise
 */
export async function startGuard(
  place: EnginePlace,
  token: string,
  seconds: number,
): Promise<string | undefined> {
  const args = [token, String(seconds), place.netns ?? '', GUARD]
  const { exitCode, stderr, stdout } = await runScript(place, WATCH, args)
  if (exitCode !== 0) throw new MptkError('MPTK_APPLY', `--confirm-within: ${stderr}`)
  return stdout === '' ? undefined : stdout
}

/** The guard waits so many seconds from now on. False when it comes too late. */
export async function extend(place: EnginePlace, token: string, seconds: number): Promise<boolean> {
  return (await runScript(place, EXTEND, [token, String(seconds)])).exitCode === 0
}

/** False when it comes too late: the guard has begun. */
export async function disarm(place: EnginePlace, token: string): Promise<boolean> {
  return (await runScript(place, DISARM, [token])).exitCode === 0
}

/** Ends the wait for good, in one step with the journal. False when it comes too late. */
export async function keep(place: EnginePlace, token: string, journal: string): Promise<boolean> {
  const { exitCode, stderr } = await runScript(
    place,
    KEEP,
    [token, String(Buffer.byteLength(journal))],
    journal,
  )
  if (exitCode > 1) throw new MptkError('MPTK_JOURNAL', `${place.state} cannot be written: ${stderr}`)
  return exitCode === 0
}

/** Ends the wait for confirmation, or waits until its guard has undone everything. */
export async function stopWaiting(place: EnginePlace, token: string): Promise<void> {
  if (!(await disarm(place, token))) await untilUndone(place)
}

/** Waits until the guard, whose time has come, is done. */
export async function untilUndone(place: EnginePlace): Promise<void> {
  await runScript(place, UNTIL_UNDONE)
}
