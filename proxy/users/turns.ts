/**
 * Expensive work done one at a time, for each source in turn. What is waited for by nobody any
 * more is not begun.
 */
import type { Cancellation } from '../../src/net/cancel.js'

/** That may wait, of one source and together. */
export const MOST_WAITING = { each: 16, all: 64 }

interface Waiting {
  begin(): void
}

export class Turns {
  readonly #most: { each: number; all: number }
  /** By source, in the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>()
  #count = 0
  #busy = false

  constructor(most = MOST_WAITING) {
    this.#most = most
  }

  /**
   * @param work begins when it is its turn
   * @returns undefined when too much waits already
   * @throws the signal's reason when it is withdrawn before its turn
   */
  async take<T>(source: string, signal: Cancellation, work: () => Promise<T>): Promise<T | undefined> {
    signal.throwIfAborted()
    if (this.#busy) {
      const mine = this.#waiting.get(source)?.length ?? 0
      if (mine >= this.#most.each || this.#count >= this.#most.all) return undefined
      await this.#turn(source, signal)
    }
    this.#busy = true
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      this.#next()
    }
  }

  #turn(source: string, signal: Cancellation): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = (): void => {
        this.#remove(source, waiting)
        reject(signal.reason)
      }
      const queue = this.#waiting.get(source) ?? []
      queue.push(waiting)
      this.#waiting.set(source, queue)
      this.#count++
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #next(): void {
    this.#busy = false
    const [first] = this.#waiting
    if (first === undefined) return
    const [source, queue] = first
    const [waiting] = queue
    if (waiting === undefined) return
    this.#remove(source, waiting)
    if (queue.length > 0) {
      // the other sources first
      this.#waiting.delete(source)
      this.#waiting.set(source, queue)
    }
    // taken at once, so that nobody gets in between
    this.#busy = true
    waiting.begin()
  }

  #remove(source: string, waiting: Waiting): void {
    const queue = this.#waiting.get(source)
    const index = queue?.indexOf(waiting) ?? -1
    if (queue === undefined || index < 0) return
    queue.splice(index, 1)
    this.#count--
    if (queue.length === 0) this.#waiting.delete(source)
  }
}
