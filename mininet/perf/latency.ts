/**
 * Requests and answers of fixed size on a connection of their own, in order. Requests go out
 * by the clock and do not wait for answers: a stall of the path is seen by every request that
 * falls into it, not by one.
 */
import { errnoName, describeError, MptkError } from '../../src/errors.js'
import { native, type Watcher } from '../../src/native.js'
import type { Connection } from '../../src/net/connection.js'
import { Alarm } from './alarm.js'
import { MAX_REQUEST_SIZE } from './messages.js'
import { distributionOf, type Distribution } from '../../src/statistics.js'

/** Requests that may wait for their answers; while there are so many, none is added. */
const MOST_OPEN = 10_000
/** Bytes owed at which nothing more is read. */
const MOST_OWED = 1024 * 1024

/** What goes back and forth is counted, not looked at. */
const sendBuffer = Buffer.alloc(MAX_REQUEST_SIZE)
const receiveBuffer = Buffer.allocUnsafe(MAX_REQUEST_SIZE)

type OnEnd = (error: MptkError) => void

/** Sends what is owed and counts what comes; both ends are made of it. */
abstract class Party {
  readonly connection: Connection
  protected readonly size: number
  readonly #fd: number
  readonly #onEnd: OnEnd
  #watcher: Watcher | undefined
  #owed = 0
  /** Bytes of a message that has not come whole. */
  #part = 0

  constructor(connection: Connection, size: number, onEnd: OnEnd) {
    this.connection = connection
    this.size = size
    this.#onEnd = onEnd
    this.#fd = connection.detach()
  }

  protected get active(): boolean {
    return this.#watcher !== undefined
  }

  start(): void {
    this.#watcher = native.watch(this.#fd, (readable) => {
      this.#guard(() => {
        if (readable) this.#receive()
        this.#send()
      })
    })
    this.#watch()
  }

  /** Final. */
  stop(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  close(): void {
    this.stop()
    this.connection.reset()
  }

  /** Queues one message. */
  protected post(): void {
    this.#owed += this.size
    this.#guard(() => this.#send())
  }

  /** One whole message has come. */
  protected abstract arrived(): void

  #receive(): void {
    const received = native.recv(this.#fd, receiveBuffer)
    if (received === 0) throw new MptkError('MPTK_PERF', 'the latency connection ended early')
    if (received < 0) return
    this.#part += received
    for (; this.#part >= this.size; this.#part -= this.size) this.arrived()
  }

  #send(): void {
    while (this.#owed > 0) {
      const sent = native.send(this.#fd, sendBuffer.subarray(0, Math.min(this.#owed, sendBuffer.length)))
      if (sent < 0) break
      this.#owed -= sent
    }
    this.#watch()
  }

  #watch(): void {
    this.#watcher?.start({ readable: this.#owed < MOST_OWED, writable: this.#owed > 0 })
  }

  #guard(act: () => void): void {
    if (!this.active) return
    try {
      act()
    } catch (error) {
      this.stop()
      const why = errnoName(error) ?? describeError(error)
      this.#onEnd(
        error instanceof MptkError
          ? error
          : new MptkError('MPTK_PERF', `the latency connection broke (${why})`, { cause: error }),
      )
    }
  }
}

/** The server's end. */
export class LatencyEcho extends Party {
  protected arrived(): void {
    this.post()
  }
}

export interface LatencyResult {
  /** Milliseconds; absent when nothing was answered. */
  summary: Distribution | undefined
  /** Requests of the counted time that no answer had come for at the end. */
  unanswered: number
  /** Requests that were not sent because too many were open. */
  skipped: number
  /** When a request was sent, in seconds of the counted time, and milliseconds to its answer. */
  samples: [at: number, milliseconds: number][]
}

/** The client's end. */
export class LatencyProbe extends Party {
  readonly #interval: number
  /** When the requests were sent that are not answered. */
  readonly #open: number[] = []
  #samples: [sent: number, milliseconds: number][] = []
  #reported = 0
  #started = 0
  #from = 0
  #skipped = 0
  /** Number of the next request by the clock. */
  #slot = 0
  readonly #alarm = new Alarm()

  /** @param interval milliseconds from one request to the next; 0: each as soon as the one before is answered */
  constructor(connection: Connection, options: { size: number; interval: number; onEnd: OnEnd }) {
    super(connection, options.size, options.onEnd)
    this.#interval = options.interval
  }

  override start(): void {
    super.start()
    this.#started = this.#from = performance.now()
    this.#request()
  }

  override stop(): void {
    this.#alarm.clear()
    super.stop()
  }

  /** Leaves out what was measured so far. */
  count(): void {
    this.#from = performance.now()
    this.#samples = []
    this.#reported = this.#skipped = 0
  }

  /** Of the answers that came since the last call. */
  interval(): Distribution | undefined {
    const fresh = this.#samples.slice(this.#reported)
    this.#reported = this.#samples.length
    return distributionOf(fresh.map(([, milliseconds]) => milliseconds))
  }

  result(): LatencyResult {
    return {
      summary: distributionOf(this.#samples.map(([, milliseconds]) => milliseconds)),
      unanswered: this.#open.filter((sent) => sent >= this.#from).length,
      skipped: this.#skipped,
      samples: this.#samples.map(([sent, milliseconds]) => [(sent - this.#from) / 1000, milliseconds]),
    }
  }

  protected arrived(): void {
    const now = performance.now()
    const sent = this.#open.shift()
    if (sent === undefined) throw new MptkError('MPTK_PERF', 'the latency connection answered unasked')
    if (sent >= this.#from) this.#samples.push([sent, now - sent])
    if (this.#interval === 0) this.#request()
  }

  #request(): void {
    const now = performance.now()
    if (this.#open.length < MOST_OPEN) {
      this.#open.push(now)
      this.post()
    } else this.#skipped++
    if (this.#interval === 0 || !this.active) return
    // by the clock from the start, so that lateness does not add up; what was missed is not made up for
    this.#slot = Math.max(this.#slot, Math.floor((now - this.#started) / this.#interval)) + 1
    this.#alarm.set(this.#started + this.#slot * this.#interval, () => this.#request())
  }
}
