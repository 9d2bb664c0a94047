/**
 * What a stranger can cause as often as he likes must not fill the log: the first of a kind is
 * written at once, those that follow are counted, and the count is written now and then.
 */

/** How often the count of the same thing is written at most, milliseconds. */
export const BURST_INTERVAL = 10_000

/** Writes what happened. @param more how often it happened since the last line; undefined for the first, which stands for itself */
export type WriteBurst<T> = (latest: T, more: number | undefined) => void

interface Burst<T> {
  timer: NodeJS.Timeout
  latest: T
  count: number
}

/** Life of each kind: quiet → counting (from its first line until an interval without any) → quiet. */
export class BurstLog<T> {
  readonly #write: WriteBurst<T>
  readonly #interval: number
  readonly #bursts = new Map<string, Burst<T>>()

  /** @param interval milliseconds */
  constructor(write: WriteBurst<T>, interval = BURST_INTERVAL) {
    this.#write = write
    this.#interval = interval
  }

  /** @param kind what is counted together; few different ones, for each is remembered for an interval */
  add(kind: string, what: T): void {
    const burst = this.#bursts.get(kind)
    if (burst !== undefined) {
      burst.latest = what
      burst.count++
      return
    }
    // does not keep the process alive
    const timer = setInterval(() => this.#tell(kind), this.#interval).unref()
    this.#bursts.set(kind, { timer, latest: what, count: 0 })
    this.#write(what, undefined)
  }

  /** Writes what is counted and not yet written, and starts anew. */
  close(): void {
    for (const kind of [...this.#bursts.keys()]) {
      this.#tell(kind)
      this.#forget(kind)
    }
  }

  #tell(kind: string): void {
    const burst = this.#bursts.get(kind)
    if (burst === undefined) return
    if (burst.count === 0) {
      this.#forget(kind)
      return
    }
    const { latest, count } = burst
    burst.count = 0
    this.#write(latest, count)
  }

  #forget(kind: string): void {
    clearInterval(this.#bursts.get(kind)?.timer)
    this.#bursts.delete(kind)
  }
}
