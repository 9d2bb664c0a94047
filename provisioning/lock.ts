/** One mptk at a time changes a host. */
import { createInterface } from 'node:readline'
import { MptkError } from '../src/errors.js'
import type { EnginePlace } from './engine-place.js'
import { prepareFolder, stateScript } from './state-folder.js'
import { HOLD } from './state-scripts.js'

const IN_USE = 75
const REMOVED = 76
const WHY: Readonly<Record<number, string>> = {
  [IN_USE]: 'somebody else is changing this host with mptk',
  [REMOVED]: 'the state folder is removed again and again',
  77: 'a command of an mptk that is gone does not end',
}

/** How often a lock's file may be removed under us. */
const ATTEMPTS = 5

/**
 * Runs `work` with the lock held, in a state folder made for it. A process on the host holds it
 * while we live, so that it is free again however we end.
 * @throws {MptkError} MPTK_JOURNAL when somebody else holds it
 */
export async function withLock<T>(place: EnginePlace, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    await prepareFolder(place)
    const holder = place.runner.spawn(stateScript(place, HOLD))
    try {
      let complaint = ''
      holder.stderr.on('data', (data) => (complaint += String(data)))
      const lines = createInterface({ input: holder.stdout })
      const locked = await new Promise<boolean>((resolve) => {
        lines.once('line', () => resolve(true))
        lines.once('close', () => resolve(false))
      })
      if (locked) return await work()
      const { exitCode = -1 } = await holder.exited
      if (exitCode === REMOVED && attempt < ATTEMPTS) continue
      const why = WHY[exitCode] ?? (complaint.trim() || `exit code ${exitCode}`)
      throw new MptkError('MPTK_JOURNAL', `${place.state} cannot be locked: ${why}`)
    } finally {
      holder.stdin.end()
      await holder.exited
    }
  }
}
