/**
 * When something that somebody takes away again and again is set again, and when a failed attempt
 * is made again: pure. All times are milliseconds on one clock that the caller reads.
 */

/** So many mends of one thing within so long are a fight with another program. */
export const FIGHT = { mends: 10, within: 60_000 } as const
const FIGHT_WAIT = { first: 1000, most: 30_000 } as const
/** What closes a way never waits longer, however the fight goes. */
const URGENT_WAIT = 1000
const RETRY = { first: 200, most: 10_000 } as const

interface Record {
  /** Of the last {@link FIGHT.within}. */
  mends: number[]
  /** Mends since the fight began. */
  fought: number
  failures: number
  failingSince: number
  error: string
  notBefore: number
}

export interface Failing {
  id: string
  since: number
  error: string
}

export type MendOutcome =
  | { fight: 'none' }
  /** From now on, or still: it waits so long before the next one. */
  | { fight: 'begins' | 'goes on'; wait: number }

export class MendGuard {
  readonly #records = new Map<string, Record>()

  /** How long it must be left as it is yet: 0 to mend it now. */
  wait(id: string, now: number, urgent = false): number {
    const record = this.#records.get(id)
    if (record === undefined) return 0
    const wait = Math.max(0, record.notBefore - now)
    return urgent && record.failures === 0
      ? Math.min(wait, Math.max(0, this.#last(record) + URGENT_WAIT - now))
      : wait
  }

  mended(id: string, now: number): MendOutcome {
    const record = this.#of(id)
    record.failures = 0
    record.mends = [...record.mends.filter((each) => each > now - FIGHT.within), now]
    if (record.mends.length < FIGHT.mends) {
      // the waits of a fight are shorter than what it takes to forget it
      if (record.fought > 0 && record.mends.length === 1) record.fought = 0
      if (record.fought === 0) return { fight: 'none' }
    }
    const wait = Math.min(FIGHT_WAIT.first * 2 ** record.fought, FIGHT_WAIT.most)
    record.fought++
    record.notBefore = now + wait
    return { fight: record.fought === 1 ? 'begins' : 'goes on', wait }
  }

  /** @returns how long to wait, and whether this is news: the first time, or for another reason */
  failed(id: string, error: string, now: number): { wait: number; news: boolean } {
    const record = this.#of(id)
    const news = record.failures === 0 || record.error !== error
    if (record.failures === 0) record.failingSince = now
    record.error = error
    const wait = Math.min(RETRY.first * 2 ** record.failures, RETRY.most)
    record.failures++
    record.notBefore = now + wait
    return { wait, news }
  }

  /** It is as promised: what failed before does no longer. */
  fine(id: string): void {
    const record = this.#records.get(id)
    if (record === undefined || record.failures === 0) return
    record.failures = 0
    record.notBefore = 0
  }

  failing(): Failing[] {
    return [...this.#records].flatMap(([id, { failures, failingSince, error }]) =>
      failures === 0 ? [] : [{ id, since: failingSince, error }],
    )
  }

  /** Ids of what another program sets otherwise, as far as the last minute shows. */
  fighting(now: number): string[] {
    return [...this.#records].flatMap(([id, record]) =>
      record.fought > 0 && this.#last(record) > now - FIGHT.within ? [id] : [],
    )
  }

  #last({ mends }: Record): number {
    return mends.at(-1) ?? -Infinity
  }

  #of(id: string): Record {
    const found = this.#records.get(id)
    if (found !== undefined) return found
    const made = { mends: [], fought: 0, failures: 0, failingSince: 0, error: '', notBefore: 0 }
    this.#records.set(id, made)
    return made
  }
}
