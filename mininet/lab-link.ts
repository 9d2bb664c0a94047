import type { LabControl, LabLinkReady, LinkStats } from './lab-control.js'
import type { LinkSettings } from './topology.js'

/** Settings to change; null takes one away. Of rate and trace, of loss and burstLoss, the one set last counts. */
export type LinkChanges = { [Key in keyof LinkSettings]?: LinkSettings[Key] | null }
type LinkControl = Pick<LabControl, 'send' | 'stats'>
export type LinkDirection = 'both' | 'aToB' | 'bToA'

/**
 * One link, whatever others join the same two nodes. Delay, loss and traces need a link that has
 * an emulator: one that the topology gave any of them, or `emulator: linkem`. All methods
 * reject with MPTK_LAB where the link cannot do what is asked.
 */
export class LabLink {
  readonly name: string
  readonly a: { node: string; interface: string }
  readonly b: { node: string; interface: string }
  /** What does the work: `htb` knows rate and queue only. */
  readonly emulator: LabLinkReady['emulator']
  readonly #control: LinkControl

  constructor(name: string, { a, b, emulator }: LabLinkReady, control: LinkControl) {
    this.name = name
    this.a = a
    this.b = b
    this.emulator = emulator
    this.#control = control
  }

  /** Takes the interface at end `a` down: its routes are gone, what is on its way is lost, the other end has no carrier. */
  async down(): Promise<void> {
    await this.#control.send({ op: 'link', link: this.name, state: 'down' })
  }

  /** Up again, with the addresses and routes of the topology. */
  async up(): Promise<void> {
    await this.#control.send({ op: 'link', link: this.name, state: 'up' })
  }

  async set(settings: LinkChanges, direction: LinkDirection = 'both'): Promise<void> {
    await this.#control.send({ op: 'set', link: this.name, direction, settings })
  }

  /** Mbit/s. */
  rate(rate: number, direction?: LinkDirection): Promise<void> {
    return this.set({ rate }, direction)
  }

  /** Frames that may wait. */
  queue(queue: number, direction?: LinkDirection): Promise<void> {
    return this.set({ queue }, direction)
  }

  /** One-way delay and its jitter, milliseconds. */
  delay(delay: number, jitter = 0, direction?: LinkDirection): Promise<void> {
    return this.set({ delay, jitter }, direction)
  }

  /** Percent. */
  loss(loss: number, direction?: LinkDirection): Promise<void> {
    return this.set({ loss }, direction)
  }

  /** Replays a file of delivery opportunities (Mahimahi format) in place of a rate. */
  trace(file: string, direction?: LinkDirection): Promise<void> {
    return this.set({ trace: file }, direction)
  }

  /** Swallows everything in both directions while both interfaces stay up and have carrier. */
  blackHole(): Promise<void> {
    return this.loss(100)
  }

  /** All settings as the topology has them; does not bring up what is down. */
  async restore(): Promise<void> {
    await this.#control.send({ op: 'restore', link: this.name })
  }

  /** Since the link was built. */
  stats(): Promise<LinkStats> {
    return this.#control.stats(this.name)
  }
}
