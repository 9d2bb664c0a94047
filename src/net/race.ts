/** RFC 8305 §5: attempts started one after another, the first to succeed wins, the others are withdrawn. */

import { Cancel, type Cancellation } from './cancel.js'

/** Connection Attempt Delay, milliseconds (RFC 8305 §8). */
export const ATTEMPT_DELAY = 250

/**
 * Tries the candidates in order: the next one starts when the one before fails or after
 * {@link ATTEMPT_DELAY}. A success that comes after another has won is given to `discard`.
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
    const losers = new Cancel()
    let next = 0
    let running = 0
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
      losers.abort(new Error('another address answered first'))
    }

    function startNext(): void {
      clearTimeout(timer)
      const candidate = candidates[next++]
      if (candidate === undefined) return
      running++
      timer = setTimeout(startNext, ATTEMPT_DELAY)
      attempt(candidate, losers).then(
        (value) => {
          if (settled) value.close()
          else settle(() => resolve(value))
        },
        (error: unknown) => {
          running--
          firstError ??= error instanceof Error ? error : new Error(String(error))
          if (settled) return
          if (next < candidates.length) startNext()
          else if (running === 0) settle(() => reject(firstError ?? new Error('no address to try')))
        },
      )
    }

    if (signal.aborted) onAbort()
    else startNext()
  })
}
