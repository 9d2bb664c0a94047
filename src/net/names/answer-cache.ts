/** Answers kept for a short while, a bounded number of them. */

export class AnswerCache<T> {
  readonly #most: number
  readonly #answers = new Map<string, { value: T; until: number }>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: string, now: number): T | undefined {
    const entry = this.#answers.get(key)
    if (entry !== undefined && now < entry.until) return entry.value
    this.#answers.delete(key)
    return undefined
  }

  /** Nothing is kept with a `ttl` of 0. The oldest goes when there are too many, and before when it is over. */
  put(key: string, value: T, ttl: number, now: number): void {
    this.#answers.delete(key)
    if (ttl <= 0) return
    this.#answers.set(key, { value, until: now + ttl })
    for (const [oldest, { until }] of this.#answers) {
      if (now < until && this.#answers.size <= this.#most) return
      this.#answers.delete(oldest)
    }
  }

  clear(): void {
    this.#answers.clear()
  }
}
