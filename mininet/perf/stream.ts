/**
 * One bulk connection, one direction: bytes between a socket and one shared buffer, as fast as
 * the kernel takes or gives them. The watcher is level-triggered and stays on, so that a full
 * or empty socket costs nothing and a call makes no garbage.
 */
import { randomFillSync } from 'node:crypto'
import { errnoName, describeError, MptkError } from '../../src/errors.js'
import { native, type Watcher } from '../../src/native.js'
import type { Connection } from '../../src/net/connection.js'
import { MAX_BLOCK } from './messages.js'

/** After so many bytes the other sockets and timers have their turn. */
const MOST_PER_TURN = 2 * 1024 * 1024

const sendBuffer = randomFillSync(Buffer.allocUnsafe(MAX_BLOCK))
const receiveBuffer = Buffer.allocUnsafe(256 * 1024)

export interface StreamOptions {
  id: number
  connection: Connection
  /** Bytes after which the stream is complete; without, it goes on until it is stopped. */
  limit?: number | undefined
  /** Called once: the limit is reached, or with the reason why the stream broke off. */
  onEnd: (error?: MptkError) => void
}

export abstract class Stream {
  readonly id: number
  readonly connection: Connection
  /** True when this end sends. */
  abstract readonly sends: boolean
  /** Handed to the kernel, or received from it. */
  bytes = 0
  protected readonly limit: number | undefined
  protected readonly fd: number
  readonly #onEnd: StreamOptions['onEnd']
  #watcher: Watcher | undefined

  constructor({ id, connection, limit, onEnd }: StreamOptions) {
    this.id = id
    this.connection = connection
    this.limit = limit
    this.fd = connection.detach()
    this.#onEnd = onEnd
  }

  start(): void {
    this.#watcher = native.watch(this.fd, () => this.#turn())
    this.#watcher.start({ readable: !this.sends, writable: this.sends })
  }

  /** Final; nothing is sent, received or reported any more. */
  stop(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  /** Drops what is still on its way, when it was cut off by time rather than complete. */
  close(): void {
    this.stop()
    if (this.limit === undefined) this.connection.reset()
    else this.connection.close()
  }

  /** Moves what can be moved now; true when the stream is complete. @throws {SystemError} */
  protected abstract move(): boolean

  #turn(): void {
    try {
      if (!this.move()) return
      this.stop()
      this.#onEnd()
    } catch (error) {
      this.stop()
      this.#onEnd(this.#broken(error))
    }
  }

  #broken(error: unknown): MptkError {
    if (error instanceof MptkError) return error
    const why = errnoName(error) ?? describeError(error)
    return new MptkError('MPTK_PERF', `stream ${this.id}: the connection broke (${why})`, { cause: error })
  }
}

export class Sender extends Stream {
  readonly sends = true
  readonly #block: Buffer

  constructor(options: StreamOptions & { blockSize: number }) {
    super(options)
    this.#block = sendBuffer.subarray(0, options.blockSize)
  }

  protected move(): boolean {
    const { limit } = this
    for (let moved = 0; moved < MOST_PER_TURN;) {
      const left = limit === undefined ? this.#block.length : limit - this.bytes
      if (left === 0) {
        native.shutdown(this.fd)
        return true
      }
      const block = left < this.#block.length ? this.#block.subarray(0, left) : this.#block
      const sent = native.send(this.fd, block)
      if (sent < 0) return false
      this.bytes += sent
      moved += sent
    }
    return false
  }
}

export class Receiver extends Stream {
  readonly sends = false
  readonly #onFirst: (() => void) | undefined

  /** @param options.onFirst called when the first bytes have come, before they are counted */
  constructor(options: StreamOptions & { onFirst?: () => void }) {
    super(options)
    this.#onFirst = options.onFirst
  }

  protected move(): boolean {
    for (let moved = 0; moved < MOST_PER_TURN;) {
      const received = native.recv(this.fd, receiveBuffer)
      if (received < 0) return false
      if (received === 0) return this.#ended()
      if (this.bytes === 0) this.#onFirst?.()
      this.bytes += received
      moved += received
      // less than asked for: the queue is empty, most likely, and asking would only say so
      if (received < receiveBuffer.length) return false
    }
    return false
  }

  #ended(): boolean {
    if (this.bytes === this.limit) return true
    const expected = this.limit === undefined ? '' : ` of ${this.limit}`
    throw new MptkError(
      'MPTK_PERF',
      `stream ${this.id}: the connection ended early, after ${this.bytes}${expected} bytes`,
    )
  }
}
