/** The control connection: messages in order, whatever way their bytes are cut, and no more of them than fit. */
import type { z } from 'zod'
import { describeError, MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { parseMessage } from './messages.js'
import { decodeMessage, encodeMessage } from './protocol.js'

/** Bytes that may wait for a peer that does not read. */
const MAX_BACKLOG = 8 * 1024 * 1024
/** How long the peer has to read our last message and close, milliseconds. */
const GOODBYE = 2000

export interface ControlOptions<In> {
  /** Messages that may come. */
  schema: z.ZodType<In>
  /** Bytes of the longest of them. */
  limit: number
}

export class ControlChannel<In, Out extends object> {
  readonly connection: Connection
  readonly #options: ControlOptions<In>
  #bytes: Buffer = Buffer.alloc(0)
  #sent: Promise<void> = Promise.resolve()
  #backlog = 0
  #reading: Promise<unknown> | undefined

  constructor(connection: Connection, options: ControlOptions<In>) {
    this.connection = connection
    this.#options = options
  }

  /** Queues a message behind those before it. A failure shows in {@link next}. */
  send(message: Out, before: Uint8Array = Buffer.alloc(0)): void {
    const bytes = Buffer.concat([before, encodeMessage(message)])
    this.#backlog += bytes.length
    if (this.#backlog > MAX_BACKLOG) {
      this.connection.fail(new MptkError('MPTK_PERF', 'the peer does not read what it is told'))
      return
    }
    this.#sent = this.#sent
      .then(() => this.connection.write(bytes))
      .then(() => void (this.#backlog -= bytes.length))
      .catch((error: unknown) => {
        this.connection.fail(error instanceof Error ? error : new Error(describeError(error)))
      })
  }

  /** The next message; undefined when the peer has ended. @throws {SystemError} @throws {MptkError} MPTK_PERF */
  next(): Promise<In | undefined> {
    const message = this.#next()
    this.#reading = message.catch(() => undefined)
    return message
  }

  async #next(): Promise<In | undefined> {
    for (;;) {
      const message = decodeMessage(this.#bytes, this.#options.limit)
      if (message !== undefined) {
        this.#bytes = this.#bytes.subarray(message.length)
        return parseMessage(this.#options.schema, message.value)
      }
      const more = await this.connection.read()
      if (more === undefined) return undefined
      this.#bytes = Buffer.concat([this.#bytes, more])
    }
  }

  /**
   * Delivers what is queued, ends our direction, and closes once the peer has too. Closing with
   * its bytes unread would send a reset, which can overtake our last message.
   */
  async closeGently(): Promise<void> {
    const timer = setTimeout(() => this.connection.reset(), GOODBYE)
    try {
      await this.#sent
      this.connection.end()
      // a connection can be read by one only
      await this.#reading
      while ((await this.connection.read()) !== undefined);
    } catch {
      // it is gone already, or out of time
    } finally {
      clearTimeout(timer)
      this.connection.close()
    }
  }
}
