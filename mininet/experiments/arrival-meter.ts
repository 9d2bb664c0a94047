import { setTimeout as sleep } from 'node:timers/promises'
import { MptkError } from '../../src/errors.js'
import type { LabHost } from '../lab-host.js'

/** How often the counters are read, ms, and over how many readings a rate is averaged. */
const STEP = 250
const WINDOW = 4
/** For traffic to begin, ms. */
const PATIENCE = 60_000

/** What arrives at an interface of a lab host, watched live: to know when to go on, not to measure by. */
export class ArrivalMeter {
  readonly #host: LabHost
  readonly #interface: string
  readonly #signal: AbortSignal

  constructor(host: LabHost, name: string, signal: AbortSignal) {
    this.#host = host
    this.#interface = name
    this.#signal = signal
  }

  /** @throws {MptkError} MPTK_LAB when so many bytes do not come */
  async untilMoved(bytes: number): Promise<void> {
    const first = await this.#bytes()
    const deadline = performance.now() + PATIENCE
    while ((await this.#bytes()) - first < bytes) {
      if (performance.now() > deadline) {
        throw new MptkError('MPTK_LAB', `${this.#host.name}: no traffic came in ${PATIENCE} ms`)
      }
      await this.#pause(STEP)
    }
  }

  /** Bytes per second over the next `seconds`. */
  async rate(seconds: number): Promise<number> {
    const [first, started] = [await this.#bytes(), performance.now()]
    await this.#pause(seconds * 1000)
    return ((await this.#bytes()) - first) / ((performance.now() - started) / 1000)
  }

  /**
   * Returns when so many bytes per second have come for two seconds, or after `limit` seconds:
   * whether they ever did is for the figures to say.
   */
  async untilRate(rate: number, limit: number): Promise<void> {
    const readings: { bytes: number; at: number }[] = []
    const deadline = performance.now() + limit * 1000
    let reached = 0
    while (performance.now() < deadline && reached < 2 * WINDOW) {
      readings.unshift({ bytes: await this.#bytes(), at: performance.now() })
      const [newest, oldest] = [readings[0], readings[WINDOW]]
      if (newest !== undefined && oldest !== undefined) {
        const now = (newest.bytes - oldest.bytes) / ((newest.at - oldest.at) / 1000)
        reached = now >= rate ? reached + 1 : 0
      }
      await this.#pause(STEP)
    }
  }

  async #bytes(): Promise<number> {
    return (await this.#host.counters(this.#interface)).rxBytes
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#signal })
  }
}
