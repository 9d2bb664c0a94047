/** `mptk perf client`: one test from the first connection to the record of what it measured. */
import { describeError, MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { Alarm } from './alarm.js'
import type { PerfClientOptions } from './client-options.js'
import { ClientStreams } from './client-streams.js'
import { ControlChannel } from './control.js'
import { Deferred } from './deferred.js'
import { serverMessage, type ClientMessage, type ServerMessage } from './messages.js'
import { encodePreamble, MAX_MESSAGE } from './protocol.js'
import { cpuClock, type PerfRecord } from './record.js'

/** How long the server may take with each step while a test is set up, milliseconds. */
const SETUP = 30_000
/** How long the server's result may take after the end, and after an interruption; milliseconds. */
const RESULT = 30_000
const RESULT_INTERRUPTED = 3000

type Control = ControlChannel<ServerMessage, ClientMessage>
type Result = Extract<ServerMessage, { type: 'result' }>

/** Runs a test. Never rejects: what went wrong is the record's `error`. */
export async function runPerfClient(options: PerfClientOptions): Promise<PerfRecord> {
  const { plan, target, wish, latencyInterval, signal } = options
  const record: PerfRecord = {
    plan,
    target,
    wish,
    latencyInterval,
    startedAt: new Date(),
    streams: [],
    intervals: [],
    serverIntervals: [],
    flows: {},
    warnings: [],
  }
  const test = new ClientTest(options, record)
  try {
    await test.run()
  } catch (cause) {
    record.error = signal.aborted ? interruption() : asOwn(cause)
  } finally {
    test.close()
  }
  return record
}

class ClientTest {
  readonly #options: PerfClientOptions
  readonly #record: PerfRecord
  readonly #streams: ClientStreams
  /** Aborted when the setting up is to end, by whatever cause. */
  readonly #setup = new AbortController()
  readonly #connections: Connection[] = []
  readonly #complete = new Deferred<void>()
  /** Rejects with the first thing that goes wrong once the test has started. */
  readonly #result = new Deferred<Result>()

  constructor(options: PerfClientOptions, record: PerfRecord) {
    this.#options = options
    this.#record = record
    this.#streams = new ClientStreams(options, record, (error) => {
      if (error === undefined) this.#complete.resolve()
      else this.#result.reject(error)
    })
  }

  async run(): Promise<void> {
    const { plan, signal, observer, kernel, wish } = this.#options
    this.#record.warnings = kernel.check(wish)
    const onAbort = (): void => this.#setup.abort(interruption())
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const control: Control = new ControlChannel(await this.#connect(), {
      schema: serverMessage,
      limit: MAX_MESSAGE,
    })
    control.send({ type: 'hello', plan }, encodePreamble('control'))
    const { token } = await this.#expect(control, 'accepted')
    await this.#streams.connect(token, () => this.#connect())
    observer?.connected?.(this.#record)
    await this.#expect(control, 'started')
    signal.removeEventListener('abort', onAbort)

    const cpu = cpuClock()
    void this.#listen(control)
    this.#streams.start()
    try {
      await this.#untilEnd()
    } finally {
      this.#streams.stop()
      this.#record.cpu = cpu()
    }
    await this.#collect(control)
    if (signal.aborted) throw interruption()
  }

  close(): void {
    this.#setup.abort(new Error('the test is over'))
    this.#streams.close()
    for (const connection of this.#connections) connection.close()
  }

  async #connect(): Promise<Connection> {
    const { signal } = this.#setup
    const connection = await this.#options.connect(signal)
    this.#connections.push(connection)
    if (signal.aborted) connection.close()
    else signal.addEventListener('abort', () => connection.fail(signal.reason as Error), { once: true })
    return connection
  }

  /** @throws {MptkError} what the server says instead, or that it says nothing */
  async #expect<T extends ServerMessage['type']>(
    control: Control,
    type: T,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const message = await within(SETUP, 'the server does not answer', control.next())
    if (message?.type === type) return message as Extract<ServerMessage, { type: T }>
    throw serverError(message)
  }

  async #listen(control: Control): Promise<void> {
    try {
      for (;;) {
        const message = await control.next()
        if (message?.type === 'interval') {
          const { flow, report } = message
          this.#record.serverIntervals.push({ flow, report })
          this.#options.observer?.serverInterval?.({ flow, report })
        } else if (message?.type === 'result') {
          this.#result.resolve(message)
          return
        } else throw serverError(message)
      }
    } catch (cause) {
      this.#result.reject(asOwn(cause, 'the connection to the server broke'))
    }
  }

  /** The time is up, every byte has gone and come, or the test was interrupted. @throws when it failed */
  async #untilEnd(): Promise<void> {
    const { plan, signal } = this.#options
    const alarm = new Alarm()
    if (plan.duration !== undefined) {
      alarm.set(performance.now() + (plan.duration + plan.omit) * 1000, () => this.#complete.resolve())
    }
    const onAbort = (): void => this.#complete.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const early = this.#result.promise.then(() => {
      throw new MptkError('MPTK_PERF', 'the server ended the test before its time')
    })
    try {
      await Promise.race([this.#complete.promise, early])
    } finally {
      alarm.clear()
      signal.removeEventListener('abort', onAbort)
      early.catch(() => undefined)
    }
  }

  async #collect(control: Control): Promise<void> {
    const { plan, signal } = this.#options
    const late = 'the server did not tell its result'
    control.send({ type: 'end', interrupted: signal.aborted })
    const interrupted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    }).then(() => within(RESULT_INTERRUPTED, late, this.#result.promise))
    // bytes that are still under way may take as long as they need
    const regular =
      plan.bytes === undefined && !signal.aborted
        ? within(RESULT, late, this.#result.promise)
        : this.#result.promise
    interrupted.catch(() => undefined)
    const { flows, cpu } = await Promise.race([regular, interrupted])
    this.#record.server = { flows, cpu }
    if (plan.bytes !== undefined) this.#streams.refresh()
  }
}

async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new MptkError('MPTK_TIMEOUT', `${what} within ${milliseconds / 1000} s`)),
      milliseconds,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function interruption(): MptkError {
  return new MptkError('MPTK_PERF', 'interrupted')
}

/** An unexpected message, or the end of the connection, in place of an expected one. */
function serverError(message: ServerMessage | undefined): MptkError {
  if (message === undefined) return new MptkError('MPTK_PERF', 'the server closed the connection')
  if (message.type === 'error') return new MptkError('MPTK_PERF', `the server says: ${message.message}`)
  return new MptkError('MPTK_PERF', `the server sent ${message.type} out of turn`)
}

function asOwn(cause: unknown, what?: string): MptkError {
  if (cause instanceof MptkError) return cause
  const words = describeError(cause)
  return new MptkError('MPTK_PERF', what === undefined ? words : `${what}: ${words}`, { cause })
}
