/** Saying that an apply with a time limit shall stay. */
import { MptkError } from '../src/errors.js'
import type { EnginePlace } from './engine-place.js'
import { journalText, type Journal } from './journal.js'
import { keep, readState } from './state-folder.js'

/** @returns false when nothing waits to be confirmed @throws {MptkError} MPTK_APPLY when it comes too late */
export async function confirm(place: EnginePlace): Promise<boolean> {
  const state = await readState(place)
  if (state === undefined || state.journal.state === 'applied') return false
  const { journal, waiting } = state
  if (journal.state === 'applying') {
    throw new MptkError(
      'MPTK_APPLY',
      'the apply has not finished, or broke off: nothing can be confirmed yet',
    )
  }
  const applied: Journal = { ...journal, state: 'applied', before: undefined, token: undefined }
  if (waiting === undefined || !(await keep(place, waiting.token, journalText(applied)))) {
    throw new MptkError('MPTK_APPLY', 'too late to confirm: everything is undone, or about to be')
  }
  return true
}
