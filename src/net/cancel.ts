/**
 * Withdrawing work in progress. Every connection needs several of these in its first
 * milliseconds, and an AbortController costs tens of microseconds with its listeners; this has
 * the part of AbortSignal's shape that dialling uses, so that either may be passed.
 */

/** What code that can be withdrawn asks for; an AbortSignal is one. */
export interface Cancellation {
  readonly aborted: boolean
  /** Means nothing before it is aborted. */
  readonly reason: Error
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options: { once: true }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Life: waiting → aborted, once. */
export class Cancel implements Cancellation {
  #reason: Error | undefined
  /** A handful at most: an array beats a Set. */
  #listeners: (() => void)[] = []

  get aborted(): boolean {
    return this.#reason !== undefined
  }

  get reason(): Error {
    return this.#reason ?? new Error('not aborted')
  }

  throwIfAborted(): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  /** Tells everyone who listens; nothing happens the second time. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const index = this.#listeners.indexOf(listener)
    if (index >= 0) this.#listeners.splice(index, 1)
  }
}

/** The promise's result, or the signal's reason as soon as it is aborted; the work behind the promise goes on. */
export function orAborted<T>(promise: Promise<T>, signal: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** @throws the signal's reason as soon as it is aborted */
export async function sleep(milliseconds: number, signal: Cancellation): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
