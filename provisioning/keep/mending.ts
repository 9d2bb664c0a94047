/** What the keepers have mended and could not mend: told in the log, the metrics and the status. */
import type { Logger } from '../../src/log.js'
import type { Metrics } from '../../src/metrics.js'
import type { ResourceKind } from '../resource.js'
import { FIGHT, MendGuard } from './mend-guard.js'

export interface Kept {
  /** As `mptk status` names it: `rule 5203 ipv4`. */
  id: string
  kind: ResourceKind
  /** It closes a way: set again at least every second, whoever fights for it. */
  urgent?: boolean
}

export interface MendingStatus {
  /** Times that something was set again since the start. */
  mended: Partial<Record<ResourceKind, number>>
  lastMended?: { at: string; id: string; was: string }
  /** What could not be set again, since when, and why. */
  failing: { id: string; since: string; error: string }[]
  /** What another program sets otherwise again and again. */
  fighting: string[]
}

export class Mending {
  readonly #guard = new MendGuard()
  readonly #log: Logger
  readonly #metrics: Metrics
  readonly #mended = new Map<ResourceKind, number>()
  #last: MendingStatus['lastMended']

  constructor({ log, metrics }: { log: Logger; metrics: Metrics }) {
    this.#log = log
    this.#metrics = metrics
  }

  /** Milliseconds that it must be left as it is yet. */
  wait({ id, urgent }: Kept): number {
    return this.#guard.wait(id, performance.now(), urgent)
  }

  /** @param was what was found in its place: `absent`, another value */
  mended({ id, kind }: Kept, was: string): void {
    this.#mended.set(kind, (this.#mended.get(kind) ?? 0) + 1)
    this.#last = { at: new Date().toISOString(), id, was }
    this.#metrics.mended.inc({ kind })
    const outcome = this.#guard.mended(id, performance.now())
    this.#log.warn({ kind, id, was }, `${id} was changed by somebody (unknown), found ${was}: set again`)
    if (outcome.fight !== 'begins') return
    this.#log.error(
      { kind, id },
      `${id}: mended ${FIGHT.mends} times within ${FIGHT.within / 1000} s: another program sets it otherwise, end one of the two; it is set again more and more seldom`,
    )
  }

  /** @returns milliseconds until it may be tried again */
  failed({ id, kind }: Kept, error: string): number {
    const { wait, news } = this.#guard.failed(id, error, performance.now())
    const text = `${id} cannot be set again: ${error}; tried again in ${wait} ms`
    if (news) this.#log.error({ kind, id }, text)
    else this.#log.debug({ kind, id }, text)
    return wait
  }

  fine({ id }: Kept): void {
    this.#guard.fine(id)
  }

  status(): MendingStatus {
    const now = performance.now()
    const failing = this.#guard.failing().map(({ id, since, error }) => ({
      id,
      since: new Date(Date.now() - (now - since)).toISOString(),
      error,
    }))
    return {
      mended: Object.fromEntries(this.#mended),
      ...(this.#last !== undefined && { lastMended: this.#last }),
      failing,
      fighting: this.#guard.fighting(now),
    }
  }
}
