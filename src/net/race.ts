/** RFC 8305 §5: attempts started one after another, the first to succeed wins, the others are withdrawn. */

import { MptkError } from '../errors.js'
import { Cancel, type Cancellation } from './cancel.js'

/** Connection Attempt Delay, milliseconds (RFC 8305 §8). */
export const ATTEMPT_DELAY = 250

/**
 * Attempts beside another one of their race, of all races of the process together. Each holds a
 * descriptor, and whoever owns a name can give it any number of addresses that do not answer.
 */
export const MOST_BESIDE = 32
let beside = 0

/**
 * Tries the candidates in order: the next one starts when the one before fails or after
 * {@link ATTEMPT_DELAY}; where {@link MOST_BESIDE} are running, instead of the one before. A
 * success that comes after another has won is given to `discard`.
 * @throws the error that came first when all fail, or the signal's reason
 */
export function race<T extends { close(): void }>(
  candidates: readonly string[],
  signal: Cancellation,
  attempt: (candidate: string, signal: Cancellation) => Promise<T>,
): Promise<T> {
  const [only] = candidates
  if (candidates.length === 1 && only !== undefined) return attempt(only, signal)

  return new Promise((resolve, reject) => {
    /** In progress, the oldest first. */
    const running = new Set<Cancel>()
    let next = 0
    let firstError: Error | undefined
    let settled = false
    let timer: NodeJS.Timeout | undefined

    const onAbort = (): void => settle(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })

    function settle(then: () => void): void {
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      then()
      for (const loser of running) loser.abort(new Error('another address answered first'))
    }

    function startNext(): void {
      clearTimeout(timer)
      const candidate = candidates[next++]
      if (candidate === undefined) return
      const [oldest] = running
      if (oldest !== undefined && beside >= MOST_BESIDE) {
        oldest.abort(new MptkError('MPTK_TIMEOUT', `no connection within ${ATTEMPT_DELAY} ms`))
      }
      const own = new Cancel()
      if (running.size > 0) beside++
      running.add(own)
      timer = setTimeout(startNext, ATTEMPT_DELAY)
      attempt(candidate, own).then(
        (value) => {
          leave(own)
          if (settled) value.close()
          else settle(() => resolve(value))
        },
        (error: unknown) => {
          leave(own)
          firstError ??= error instanceof Error ? error : new Error(String(error))
          if (settled) return
          // in place of one that was withdrawn another has begun
          if (next < candidates.length && !own.aborted) startNext()
          else if (running.size === 0 && next >= candidates.length) {
            settle(() => reject(firstError ?? new Error('no address to try')))
          }
        },
      )
    }

    function leave(own: Cancel): void {
      running.delete(own)
      if (running.size > 0) beside--
    }

    if (signal.aborted) onAbort()
    else startNext()
  })
}
