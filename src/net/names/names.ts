/** Names to addresses for many clients: identical questions are asked once, answers kept for a short while, everybody's share bounded. */
import { plainAddress } from '../../address.js'
import { Cancel, orAborted, type Cancellation } from '../cancel.js'
import { sourceBlock } from '../source-block.js'
import { inOrder } from './address-order.js'
import { AnswerCache } from './answer-cache.js'
import type { Answer, Family } from './answer.js'
import { PendingNames, type Subject } from './pending-names.js'
import { SystemNames } from './system-names.js'

/** Milliseconds; the first bounds what a DNS record says of itself. */
const KEPT = { found: 30_000, missing: 2000, failed: 2000 }
const MOST_ANSWERS = 2048

/** How names are looked up; `version` changes when what it knew before is old. */
export interface Lookup {
  version(): string
  lookup(name: string, family: Family, signal: Cancellation): Promise<Answer>
}

/** What came of it, in the order to try the addresses; or why there are none. */
export type Resolved = { addresses: readonly string[] } | { reason: string }

/** A question that is being asked, and those who wait for the answer. */
interface Flight {
  readonly answer: Promise<Resolved>
  readonly cancel: Cancel
  waiting: number
}

export class Names {
  readonly #system: Lookup
  readonly #now: () => number
  readonly #pending: PendingNames
  readonly #cache = new AnswerCache<Resolved>(MOST_ANSWERS)
  readonly #flights = new Map<string, Flight>()
  #version = ''

  constructor(
    system: Lookup = new SystemNames(),
    pending = new PendingNames(),
    now: () => number = () => performance.now(),
  ) {
    this.#system = system
    this.#pending = pending
    this.#now = now
  }

  /** Questions that are being asked. */
  get pending(): number {
    return this.#flights.size
  }

  /**
   * @param family the only one that is of use, or 0
   * @throws the signal's reason; the question ends with the last who waits for it
   */
  async resolve(name: string, family: Family, subject: Subject, signal: Cancellation): Promise<Resolved> {
    signal.throwIfAborted()
    this.#forgetWhatIsOld()
    const key = `${family} ${name.toLowerCase()}`
    const kept = this.#cache.get(key, this.#now())
    if (kept !== undefined) return kept

    const subjects = keysOf(subject)
    if (!this.#pending.enter(key, subjects)) return { reason: 'too many names are being looked up' }
    const flight = this.#flights.get(key) ?? this.#begin(key, name, family)
    flight.waiting++
    try {
      return await orAborted(flight.answer, signal)
    } finally {
      this.#pending.leave(key, subjects)
      if (--flight.waiting === 0) this.#end(key, flight)
    }
  }

  #begin(key: string, name: string, family: Family): Flight {
    const cancel = new Cancel()
    const flight: Flight = { answer: this.#ask(key, name, family, cancel), cancel, waiting: 0 }
    // those who wait get it; when nobody does any more there is nobody to tell
    flight.answer.catch(() => undefined)
    this.#flights.set(key, flight)
    return flight
  }

  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
    flight.cancel.abort(new Error('nobody waits for the name'))
  }

  async #ask(key: string, name: string, family: Family, signal: Cancellation): Promise<Resolved> {
    const version = this.#version
    const answer = await this.#system.lookup(name, family, signal)
    const resolved: Resolved =
      answer.kind === 'found'
        ? { addresses: inOrder(answer) }
        : { reason: answer.kind === 'missing' ? 'no such name (ENOTFOUND)' : answer.reason }
    const ttl = answer.kind === 'found' ? Math.min(answer.ttl, KEPT.found) : KEPT[answer.kind]
    if (version === this.#version && !signal.aborted) this.#cache.put(key, resolved, ttl, this.#now())
    return resolved
  }

  #forgetWhatIsOld(): void {
    const version = this.#system.version()
    if (version !== this.#version) this.#cache.clear()
    this.#version = version
  }
}

function keysOf({ source, user }: Subject): string[] {
  return [
    ...(source === undefined ? [] : [`from ${sourceBlock(plainAddress(source))}`]),
    ...(user === undefined ? [] : [`user ${user}`]),
  ]
}
