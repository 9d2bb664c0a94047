/** The server's side of one test: set up, run, result, and everything closed, whatever the client does. */
import { describeError, MptkError } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { namedCongestion, SOL_TCP, TCP_CONGESTION } from '../../src/kernel/options.js'
import { native } from '../../src/native.js'
import type { Connection } from '../../src/net/connection.js'
import type { ControlChannel } from './control.js'
import { Deferred } from './deferred.js'
import { LatencyEcho } from './latency.js'
import { Meter, type MeteredStream } from './meter.js'
import {
  flowsOf,
  shareOf,
  streamIds,
  type ClientMessage,
  type Flow,
  type FlowResult,
  type ServerMessage,
  type TestPlan,
} from './messages.js'
import type { Preamble } from './protocol.js'
import { cpuClock } from './record.js'
import { Receiver, Sender, type Stream } from './stream.js'
import { SubflowHistory } from './subflow-history.js'

/** How long the client has for opening all its connections, milliseconds. */
export const SETUP = 10_000
/** What a test of fixed length may take beyond it, milliseconds: the end comes over a slow path. */
const GRACE = 60_000

export interface SessionOptions {
  kernel: Kernel
  token: string
  plan: TestPlan
  control: ControlChannel<ClientMessage, ServerMessage>
  /** Seconds. */
  maxTime: number
}

export interface SessionResult {
  flows: Partial<Record<Flow, FlowResult>>
  /** The client asked for the end before its time. */
  interrupted: boolean
}

interface Course {
  streams: MeteredStream[]
  meter: Meter
  running: number
  result?: FlowResult
}

export class Session {
  readonly #options: SessionOptions
  readonly #waiting = new Map<number, Flow>()
  #latencyWaiting: boolean
  readonly #opened: { id: number; flow: Flow; connection: Connection }[] = []
  readonly #courses = new Map<Flow, Course>()
  #latency: LatencyEcho | undefined
  readonly #attached = new Deferred<void>()
  readonly #complete = new Deferred<void>()
  /** Never resolves; rejects with the first thing that goes wrong. */
  readonly #failure = new Deferred<never>()

  constructor(options: SessionOptions) {
    this.#options = options
    const { plan } = options
    for (const flow of flowsOf(plan)) for (const id of streamIds(plan, flow)) this.#waiting.set(id, flow)
    this.#latencyWaiting = plan.latency !== undefined
  }

  /** Takes a connection that names this test; false when the test has no place for it. */
  attach({ kind, stream }: Preamble, connection: Connection): boolean {
    const flow = this.#waiting.get(stream)
    if (kind === 'data' && flow !== undefined) {
      this.#waiting.delete(stream)
      this.#opened.push({ id: stream, flow, connection })
    } else if (kind === 'latency' && this.#latencyWaiting) {
      this.#latencyWaiting = false
      const size = this.#options.plan.latency?.size ?? 1
      this.#latency = new LatencyEcho(connection, size, (error) => this.#failure.reject(error))
    } else return false
    if (this.#waiting.size === 0 && !this.#latencyWaiting) this.#attached.resolve()
    return true
  }

  /** Ends the test from here. */
  abort(reason: MptkError): void {
    this.#failure.reject(reason)
  }

  /** @throws {MptkError} why the test did not come to its end; the client has been told */
  async run(): Promise<SessionResult> {
    const { control, token } = this.#options
    const timers: NodeJS.Timeout[] = []
    const limit = (milliseconds: number, what: string): void => {
      timers.push(setTimeout(() => this.abort(new MptkError('MPTK_TIMEOUT', what)), milliseconds))
    }
    try {
      control.send({ type: 'accepted', token })
      const end = this.#nextMessage()
      limit(SETUP, `not all connections of the test came within ${SETUP / 1000} s`)
      await this.#orFailure(this.#attached.promise, end)
      timers.splice(0).forEach(clearTimeout)
      limit(this.#lifetime, 'the test took longer than this server allows')
      const cpu = cpuClock()
      this.#start()
      const interrupted = await this.#untilEnd(end)
      const flows = this.#stop()
      control.send({ type: 'result', flows, cpu: cpu() })
      return { flows, interrupted }
    } catch (cause) {
      const error =
        cause instanceof MptkError ? cause : new MptkError('MPTK_PERF', describeError(cause), { cause })
      control.send({ type: 'error', message: error.message })
      throw error
    } finally {
      timers.forEach(clearTimeout)
      this.#stop()
    }
  }

  /** When {@link run} is over: waits for the client to have read the result, and closes. */
  async close(): Promise<void> {
    await this.#options.control.closeGently()
    for (const { streams } of this.#courses.values()) for (const { stream } of streams) stream.close()
    this.#latency?.close()
    for (const { connection } of this.#opened) connection.close()
  }

  get #lifetime(): number {
    const { plan, maxTime } = this.#options
    return plan.duration === undefined ? maxTime * 1000 : (plan.duration + plan.omit) * 1000 + GRACE
  }

  /** The one message that is still to come; an end of the connection in its place is a failure. */
  async #nextMessage(): Promise<Extract<ClientMessage, { type: 'end' }>> {
    const message = await this.#options.control.next()
    if (message?.type === 'end') return message
    throw new MptkError(
      'MPTK_PERF',
      message === undefined ? 'the client went away' : 'the client sent hello twice',
    )
  }

  /** @param watched fails for both, though its success does not count */
  async #orFailure<T>(promise: Promise<T>, watched?: Promise<unknown>): Promise<T> {
    const failing = [this.#failure.promise, watched].map(
      (each) => new Promise<never>((_, reject) => void each?.catch(reject)),
    )
    return await Promise.race([promise, ...failing])
  }

  #start(): void {
    const { plan, control, kernel } = this.#options
    for (const flow of flowsOf(plan)) {
      const mine = this.#opened.filter((each) => each.flow === flow).sort((a, b) => a.id - b.id)
      const streams = mine.map(({ id, connection }, place) => {
        const congestion = namedCongestion(plan)
        if (congestion !== undefined) setCongestion(connection, congestion)
        const history = new SubflowHistory(kernel, connection)
        return { history, stream: this.#makeStream(flow, id, connection, shareOf(plan, place)) }
      })
      const meter = new Meter(streams, {
        interval: plan.interval,
        omit: plan.omit,
        duration: plan.duration,
        onInterval: (report) => control.send({ type: 'interval', flow, report }),
      })
      this.#courses.set(flow, { streams, meter, running: streams.length })
    }
    control.send({ type: 'started' })
    this.#latency?.start()
    for (const [flow, { streams, meter }] of this.#courses) {
      // the client sends only after it has heard of the start: its time begins with its first bytes
      if (flow === 'reverse') meter.start()
      for (const { stream } of streams) stream.start()
    }
    if (this.#courses.size === 0) this.#complete.resolve()
  }

  #makeStream(flow: Flow, id: number, connection: Connection, limit: number | undefined): Stream {
    const common = { id, connection, limit, onEnd: (error?: MptkError) => this.#ended(flow, error) }
    return flow === 'reverse'
      ? new Sender({ ...common, blockSize: this.#options.plan.blockSize })
      : new Receiver({ ...common, onFirst: () => this.#courses.get(flow)?.meter.start() })
  }

  #ended(flow: Flow, error?: MptkError): void {
    if (error !== undefined) {
      this.#failure.reject(error)
      return
    }
    const course = this.#courses.get(flow)
    if (course === undefined || --course.running > 0) return
    course.result = course.meter.stop()
    if ([...this.#courses.values()].every(({ running }) => running === 0)) this.#complete.resolve()
  }

  /** True when the client interrupted the test. */
  async #untilEnd(end: Promise<Extract<ClientMessage, { type: 'end' }>>): Promise<boolean> {
    const { interrupted } = await this.#orFailure(end)
    // bytes that are still under way count: the client has sent them all
    const counted = this.#options.plan.bytes !== undefined && !interrupted
    if (counted) await this.#orFailure(this.#complete.promise)
    return interrupted
  }

  #stop(): Partial<Record<Flow, FlowResult>> {
    this.#waiting.clear()
    this.#latencyWaiting = false
    const flows: Partial<Record<Flow, FlowResult>> = {}
    for (const [flow, course] of this.#courses) {
      flows[flow] = course.result ??= course.meter.stop()
      for (const { stream } of course.streams) stream.stop()
    }
    this.#latency?.stop()
    return flows
  }
}

function setCongestion(connection: Connection, name: string): void {
  native.setOption(connection.fd, SOL_TCP, TCP_CONGESTION, Buffer.from(name))
}
