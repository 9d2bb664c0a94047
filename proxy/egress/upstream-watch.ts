/** Whether the next proxy can be reached: learnt from the connections themselves while it can, from probes while not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { BurstLog } from '../../src/burst-log.js'
import type { UpstreamConfig } from '../../src/config/service.js'
import type { Runtime } from '../runtime.js'
import type { Upstream } from './egress.js'
import { UpstreamRefused, UpstreamUnreachable, type RefusalReason } from './upstream-errors.js'

/** Pause before the first probe and before the later ones at most, milliseconds; doubled in between. */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 10_000

export interface UpstreamStatus {
  address: string
  whenUnreachable: UpstreamConfig['whenUnreachable']
  /** `untried`: no connection has gone there yet. */
  state: 'untried' | 'up' | 'down'
  /** When it came to be `up` or `down`, ISO 8601. */
  since?: string
  /** Why it is down, in the words of the latest attempt. */
  error?: string
  /** It answers and does not serve us: its latest word, when it began to say so, and what it says. */
  refused?: { reason: RefusalReason; since: string; error: string }
  /** How often it has refused us since the start, by why. */
  refusals: Partial<Record<RefusalReason, number>>
}

/** Life: untried → up ⇄ down, until {@link stop}. Probes run while it is down and at no other time. */
export class UpstreamWatch {
  readonly #upstream: Upstream
  readonly #whenUnreachable: UpstreamConfig['whenUnreachable']
  readonly #service: string
  readonly #runtime: Pick<Runtime, 'log' | 'metrics'>
  readonly #stopping = new AbortController()
  #state: UpstreamStatus['state'] = 'untried'
  #since: Date | undefined
  #failure: UpstreamUnreachable | undefined
  #refused: { error: UpstreamRefused; since: Date } | undefined
  readonly #refusals: Partial<Record<RefusalReason, number>> = {}
  readonly #burst: BurstLog<UpstreamRefused>
  /** When it last answered, as performance.now(). */
  #answered = -Infinity
  #probing = false

  constructor(
    upstream: Upstream,
    whenUnreachable: UpstreamConfig['whenUnreachable'],
    service: string,
    runtime: Pick<Runtime, 'log' | 'metrics'>,
  ) {
    this.#upstream = upstream
    this.#whenUnreachable = whenUnreachable
    this.#service = service
    this.#runtime = runtime
    this.#burst = new BurstLog((error, more) => {
      // a limit passes; a password or an agreement has to be put right by somebody
      const level = error.reason === 'limit' || error.reason === 'closed' ? 'warn' : 'error'
      const fields = { service, upstream: upstream.address, reason: error.reason }
      if (more === undefined) runtime.log[level](fields, `connection refused: ${error.message}`)
      else
        runtime.log[level]({ ...fields, count: more }, `${more} more connections refused: ${error.message}`)
    })
  }

  /** Why nobody need try it now; undefined while it is not known to be down. */
  get failure(): UpstreamUnreachable | undefined {
    return this.#failure
  }

  status(): UpstreamStatus {
    return {
      address: this.#upstream.address,
      whenUnreachable: this.#whenUnreachable,
      state: this.#state,
      ...(this.#since !== undefined && { since: this.#since.toISOString() }),
      ...(this.#failure !== undefined && { error: this.#failure.message }),
      ...(this.#refused !== undefined && {
        refused: {
          reason: this.#refused.error.reason,
          since: this.#refused.since.toISOString(),
          error: this.#refused.error.message,
        },
      }),
      refusals: { ...this.#refusals },
    }
  }

  /** It has served us just now, or said something of a destination. */
  succeeded(): void {
    this.#refused = undefined
    this.#isThere()
  }

  /** It has answered, and refused us: it is there, and its word stands. */
  refused(error: UpstreamRefused): void {
    const { reason } = error
    const goesOn = this.#refused?.error.reason === reason
    this.#refused = { error, since: goesOn && this.#refused !== undefined ? this.#refused.since : new Date() }
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1
    this.#runtime.metrics.upstreamRefusals.inc({ service: this.#service, reason })
    this.#burst.add(reason, error)
    this.#isThere()
  }

  #isThere(): void {
    this.#answered = performance.now()
    if (this.#state === 'up') return
    const wasDown = this.#state === 'down'
    this.#change('up')
    this.#failure = undefined
    if (wasDown) this.#log('info', 'the upstream proxy answers again: connections go through it')
  }

  /** @param started when the attempt began, performance.now(): an answer since then counts for more */
  failed(failure: UpstreamUnreachable, started: number): void {
    if (started < this.#answered || this.#stopping.signal.aborted) return
    this.#failure = failure
    if (this.#state === 'down') return
    this.#refused = undefined
    this.#change('down')
    const now = this.#whenUnreachable === 'direct' ? 'go straight' : 'are refused'
    this.#log('warn', `the upstream proxy cannot be reached: connections ${now} until it answers again`)
    if (!this.#probing) void this.#probe()
  }

  /** Ends the probing. */
  stop(): void {
    this.#stopping.abort(new Error('the service is stopping'))
    this.#burst.close()
  }

  async #probe(): Promise<void> {
    const { signal } = this.#stopping
    this.#probing = true
    try {
      for (let pause = FIRST_PAUSE; this.#state === 'down'; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
        await sleep(pause, undefined, { signal })
        await this.#ask(signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#probing = false
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const started = performance.now()
    try {
      await this.#upstream.probe(signal)
      this.succeeded()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof UpstreamUnreachable) this.failed(error, started)
      else if (error instanceof UpstreamRefused) this.refused(error)
      // else this host could not try
    }
  }

  #change(state: 'up' | 'down'): void {
    this.#state = state
    this.#since = new Date()
    this.#runtime.metrics.upstreamUp.set({ service: this.#service }, state === 'up' ? 1 : 0)
  }

  #log(level: 'info' | 'warn', message: string): void {
    this.#runtime.log[level](
      {
        service: this.#service,
        upstream: this.#upstream.address,
        ...(this.#failure !== undefined && { error: this.#failure.message }),
      },
      message,
    )
  }
}
