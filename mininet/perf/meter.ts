import { Alarm } from './alarm.js'
import type { FlowResult, IntervalReport, Sending } from './messages.js'
import type { Stream } from './stream.js'
import type { SubflowHistory } from './subflow-history.js'

/** Two instants closer than this are the same, milliseconds. */
const SAME = 1
/** What a boundary may miss by the arithmetic of fractions, in intervals. */
const ROUNDING = 1e-6

export interface MeterOptions {
  /** Seconds, all three; without `duration` it goes on until it is stopped. */
  interval: number
  omit: number
  duration?: number | undefined
  onInterval(report: IntervalReport): void
  /** The omitted time is over; also when there is none. */
  onCounting?: () => void
}

export interface MeteredStream {
  stream: Stream
  history: SubflowHistory
}

/** What one stream had, at the start of the interval and of the counted time. */
class Tally {
  #interval: { bytes: number; retransmits: number }
  #counted: { bytes: number; retransmits: number }
  #rtts: number[] = []
  #maxWindow: number | undefined

  constructor(readonly metered: MeteredStream) {
    this.#interval = this.#counted = this.#now()
  }

  get #sending(): Sending | undefined {
    return this.metered.stream.sends ? this.metered.history.sending : undefined
  }

  #now(sending = this.#sending): { bytes: number; retransmits: number } {
    return { bytes: this.metered.stream.bytes, retransmits: sending?.retransmits ?? 0 }
  }

  /** Bytes have moved since the last interval. */
  get isBehind(): boolean {
    return this.metered.stream.bytes > this.#interval.bytes
  }

  count(): void {
    this.#counted = this.#interval
    this.#rtts = []
    this.#maxWindow = undefined
  }

  interval(): IntervalReport['streams'][number] {
    this.metered.history.read()
    const sending = this.#sending
    const before = this.#interval
    const now = (this.#interval = this.#now(sending))
    const bytes = now.bytes - before.bytes
    const { id } = this.metered.stream
    if (sending === undefined) return { id, bytes }
    this.#rtts.push(sending.rtt)
    if (sending.window !== undefined) this.#maxWindow = Math.max(this.#maxWindow ?? 0, sending.window)
    return { id, bytes, sending: { ...sending, retransmits: now.retransmits - before.retransmits } }
  }

  /** Up to the last interval's end. */
  result(): FlowResult['streams'][number] {
    const { stream, history } = this.metered
    const total = {
      id: stream.id,
      bytes: this.#interval.bytes - this.#counted.bytes,
      connection: history.info,
    }
    if (!stream.sends) return total
    const rtts = this.#rtts.length > 0 ? this.#rtts : [history.sending.rtt]
    const sending = {
      retransmits: this.#interval.retransmits - this.#counted.retransmits,
      ...(this.#maxWindow !== undefined && { maxWindow: this.#maxWindow }),
      minRtt: Math.min(...rtts),
      meanRtt: Math.round(rtts.reduce((sum, each) => sum + each, 0) / rtts.length),
      maxRtt: Math.max(...rtts),
    }
    return { ...total, sending }
  }
}

/**
 * The clock of one direction at one end: reports every interval, leaves out the omitted time,
 * and says at the end what was counted. Life: made → started → stopped.
 */
export class Meter {
  readonly #options: MeterOptions
  readonly #tallies: Tally[]
  readonly #alarm = new Alarm()
  #running = false
  #omitting: boolean
  /** When the omitted or the counted time began, and the interval; milliseconds. */
  #phase = 0
  #last = 0
  /** End of the interval that runs, milliseconds of the phase. */
  #boundary = 0

  constructor(streams: readonly MeteredStream[], options: MeterOptions) {
    this.#options = options
    this.#omitting = options.omit > 0
    this.#tallies = streams.map((each) => new Tally(each))
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#phase = this.#last = performance.now()
    if (!this.#omitting) this.#options.onCounting?.()
    this.#schedule()
  }

  /** Closes the last interval and gives the sums. A meter that never started has counted nothing. */
  stop(): FlowResult {
    this.#alarm.clear()
    const rest = performance.now() - this.#last > SAME || this.#tallies.some(({ isBehind }) => isBehind)
    if (this.#running && rest) this.#close()
    const counted = this.#running && !this.#omitting
    this.#running = false
    const streams = this.#tallies.map((each) => each.result())
    if (counted) return { seconds: (this.#last - this.#phase) / 1000, streams }
    return { seconds: 0, streams: streams.map((each) => ({ ...each, bytes: 0 })) }
  }

  /** Intervals of the phase that are over; a late tick may end several as one. */
  get #done(): number {
    const reached = Math.max(this.#boundary, this.#last - this.#phase)
    return Math.floor(reached / (this.#options.interval * 1000) + ROUNDING)
  }

  #schedule(): void {
    const { interval, omit, duration } = this.#options
    let next = (this.#done + 1) * interval * 1000
    if (this.#omitting) next = Math.min(next, omit * 1000)
    // the last interval ends when the meter is stopped: the end may come later than by this clock
    else if (duration !== undefined && next > duration * 1000 - SAME) return
    this.#alarm.set(this.#phase + next, () => this.#tick(next))
  }

  #tick(boundary: number): void {
    this.#close()
    this.#boundary = boundary
    if (this.#omitting && boundary >= this.#options.omit * 1000) {
      this.#omitting = false
      this.#phase = this.#last
      this.#boundary = 0
      for (const tally of this.#tallies) tally.count()
      this.#options.onCounting?.()
    }
    this.#schedule()
  }

  #close(): void {
    const now = performance.now()
    const { omit, interval } = this.#options
    const start = (this.#last - this.#phase) / 1000
    const index = this.#done + (this.#omitting ? 0 : Math.ceil(omit / interval - ROUNDING))
    const streams = this.#tallies.map((each) => each.interval())
    this.#last = now
    this.#options.onInterval({
      index,
      start,
      end: (now - this.#phase) / 1000,
      omitted: this.#omitting,
      streams,
    })
  }
}
