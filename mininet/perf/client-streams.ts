/** The client's end of all connections of a test but the control one: opened, measured, closed together. */
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import type { PerfClientOptions } from './client-options.js'
import { LatencyProbe } from './latency.js'
import { Meter, type MeteredStream } from './meter.js'
import { flowsOf, shareOf, streamIds, type Flow } from './messages.js'
import { encodePreamble } from './protocol.js'
import type { PerfRecord, StreamRecord } from './record.js'
import { Receiver, Sender } from './stream.js'
import { SubflowHistory } from './subflow-history.js'

/** One direction. */
interface Course {
  streams: MeteredStream[]
  meter: Meter
  /** Streams that are not complete. */
  running: number
}

export class ClientStreams {
  readonly #options: PerfClientOptions
  readonly #record: PerfRecord
  readonly #onEnd: (error?: MptkError) => void
  readonly #courses = new Map<Flow, Course>()
  #clock: Meter | undefined
  #latency: { probe: LatencyProbe; history: SubflowHistory } | undefined

  /** @param onEnd called when all streams that carry a number of bytes are complete, or when one broke off */
  constructor(options: PerfClientOptions, record: PerfRecord, onEnd: (error?: MptkError) => void) {
    this.#options = options
    this.#record = record
    this.#onEnd = onEnd
  }

  async connect(token: string, connect: () => Promise<Connection>): Promise<void> {
    const { plan } = this.#options
    const open = async (kind: 'data' | 'latency', id: number): Promise<Connection> => {
      const connection = await connect()
      await connection.write(encodePreamble(kind, id, token))
      return connection
    }
    const wanted = flowsOf(plan).flatMap((flow) =>
      streamIds(plan, flow).map(async (id) => ({ id, flow, connection: await open('data', id) })),
    )
    const [latency, ...opened] = await Promise.all([
      plan.latency === undefined ? undefined : open('latency', 0),
      ...wanted,
    ])
    for (const flow of flowsOf(plan)) this.#addCourse(flow, opened)
    if (latency !== undefined) this.#addLatency(latency)
    if (this.#options.wish.mptcp === 'required') requireMptcp(this.#record.streams)
  }

  start(): void {
    for (const { meter, streams } of this.#courses.values()) {
      meter.start()
      for (const { stream } of streams) stream.start()
    }
    this.#clock?.start()
    this.#latency?.probe.start()
  }

  /** Ends the measurement: the record is complete as far as this end knows. */
  stop(): void {
    for (const flow of this.#courses.keys()) this.#stop(flow)
    this.#clock?.stop()
    if (this.#latency === undefined) return
    const { probe, history } = this.#latency
    this.#record.latency = probe.result()
    probe.stop()
    history.read()
    this.#record.latencyConnection = history.info
  }

  /** Takes the kernel's figures once more: of transfers that the server has received to the end by now. */
  refresh(): void {
    for (const [flow, { streams }] of this.#courses) {
      for (const [place, { history }] of streams.entries()) {
        history.read()
        const result = this.#record.flows[flow]?.streams[place]
        if (result !== undefined) result.connection = history.info
      }
    }
  }

  close(): void {
    for (const { streams } of this.#courses.values()) for (const { stream } of streams) stream.close()
    this.#latency?.probe.close()
  }

  #addCourse(flow: Flow, opened: readonly { id: number; flow: Flow; connection: Connection }[]): void {
    const { plan } = this.#options
    const mine = opened.filter((each) => each.flow === flow)
    const streams = mine.map(({ id, connection }, place) => {
      const history = this.#note(id, flow, connection)
      const limit = shareOf(plan, place)
      const common = { id, connection, limit, onEnd: (error?: MptkError) => this.#ended(flow, error) }
      const stream =
        flow === 'forward' ? new Sender({ ...common, blockSize: plan.blockSize }) : new Receiver(common)
      return { stream, history }
    })
    const first = this.#courses.size === 0
    this.#courses.set(flow, { streams, meter: this.#meter(flow, streams, first), running: streams.length })
  }

  #addLatency(connection: Connection): void {
    const { plan, latencyInterval } = this.#options
    const history = this.#note(0, 'latency', connection)
    const probe = new LatencyProbe(connection, {
      size: plan.latency?.size ?? 1,
      interval: latencyInterval,
      onEnd: this.#onEnd,
    })
    this.#latency = { probe, history }
    // without bulk streams a clock runs for the latency's intervals alone
    if (this.#courses.size === 0) this.#clock = this.#meter('forward', [], true)
  }

  #note(id: number, flow: StreamRecord['flow'], connection: Connection): SubflowHistory {
    const history = new SubflowHistory(this.#options.kernel, connection)
    const { local, remote, fd } = connection
    this.#record.streams.push({ id, flow, socket: fd, local, remote, connection: history.info })
    return history
  }

  /** @param first the latency's intervals are those of this meter */
  #meter(flow: Flow, streams: readonly MeteredStream[], first: boolean): Meter {
    const { interval, omit, duration } = this.#options.plan
    return new Meter(streams, {
      interval,
      omit,
      duration,
      onInterval: (report) => {
        const connections = new Map(streams.map(({ stream, history }) => [stream.id, history.info]))
        const latency = first ? this.#latency?.probe.interval() : undefined
        const own = { flow, report, connections, ...(latency !== undefined && { latency }) }
        this.#record.intervals.push(own)
        this.#options.observer?.interval?.(own)
      },
      onCounting: () => {
        if (first) this.#latency?.probe.count()
      },
    })
  }

  #ended(flow: Flow, error?: MptkError): void {
    if (error !== undefined) {
      this.#onEnd(error)
      return
    }
    const course = this.#courses.get(flow)
    if (course === undefined || --course.running > 0) return
    this.#stop(flow)
    if ([...this.#courses.values()].every(({ running }) => running === 0)) this.#onEnd()
  }

  #stop(flow: Flow): void {
    const course = this.#courses.get(flow)
    if (course === undefined || this.#record.flows[flow] !== undefined) return
    this.#record.flows[flow] = course.meter.stop()
    for (const { stream } of course.streams) stream.stop()
  }
}

/** @throws {MptkError} MPTK_MPTCP_REQUIRED */
function requireMptcp(streams: readonly StreamRecord[]): void {
  for (const { connection, id } of streams) {
    if (connection.protocol === 'mptcp') continue
    const reason = connection.reason ?? 'the kernel does not say why'
    throw new MptkError('MPTK_MPTCP_REQUIRED', `mptcp: required, but stream ${id} is TCP: ${reason}`)
  }
}
