/**
 * A connected stream socket of our own, on Node's event loop but outside net.Socket: the
 * handshake reads and writes a few messages, then the descriptor goes to the native relay
 * with nothing buffered on the way.
 */
import type { SocketAddress } from '../address.js'
import { MptkError } from '../errors.js'
import type { Origin } from '../kernel/kernel.js'
import { native, type Watcher } from '../native.js'
import { Cancel, type Cancellation } from './cancel.js'

const CHUNK = 16 * 1024
const SOL_SOCKET = 1
const SO_LINGER = 13
/** struct linger: off. */
const NO_LINGER = new Uint8Array(8)
const scratch = Buffer.allocUnsafe(CHUNK)

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * What counts as the peer's having left. `break`: that its connection is gone (reset, timed out,
 * hung up). A peer that has ended its direction may still wait for the answer (`nc -N`, HTTP/1.0).
 * `end`: after a moment that as well, when nothing it sent before waits to be read: for one that is
 * to hear from us before it says more, and has said nothing ahead.
 */
export type Leaving = 'break' | 'end'

/**
 * Milliseconds for work to be done after the peer has ended its direction: one that leaves cannot be told
 * from one that only has nothing more to say and waits for its answer, which mostly comes sooner.
 */
const AFTER_END = 1000

/** Somebody who works for the peer and wants to know when it has left. */
interface Attendant {
  leaving: Leaving
  /** The peer has ended its direction: only a break is still to come. */
  ended: boolean
  /** Runs from there on where that is leaving. */
  patience?: NodeJS.Timeout
  gone: Cancel
}

/** Life: open → (detached →) closed. Once closed, always closed. One read and one write at a time. */
export class Connection {
  readonly remote: SocketAddress
  /** What its socket was opened as: with it the kernel's verdict can say why a connection is TCP. */
  readonly origin: Origin
  #fd: number
  #open = true
  #watcher: Watcher | undefined
  #reader: Waiter | undefined
  #writer: Waiter | undefined
  #attendant: Attendant | undefined
  #failure: Error | undefined

  constructor(fd: number, remote: SocketAddress, origin: Origin) {
    this.#fd = fd
    this.remote = remote
    this.origin = origin
  }

  get fd(): number {
    return this.#fd
  }

  get local(): SocketAddress {
    return native.localAddress(this.#fd)
  }

  /** Some bytes, or undefined at end of stream. @throws {SystemError} */
  async read(max = CHUNK): Promise<Buffer | undefined> {
    for (;;) {
      this.#check()
      const room = max < CHUNK ? scratch.subarray(0, max) : scratch
      const length = native.recv(this.#fd, room)
      if (length > 0) return Buffer.from(scratch.subarray(0, length))
      if (length === 0) return undefined
      await new Promise<void>((resolve, reject) => {
        this.#reader = { resolve, reject }
        this.#watch()
      })
    }
  }

  /** Returns when the kernel has taken every byte. @throws {SystemError} */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    for (;;) {
      this.#check()
      const sent = native.send(this.#fd, rest)
      if (sent === rest.length) return
      if (sent > 0) rest = rest.subarray(sent)
      await new Promise<void>((resolve, reject) => {
        this.#writer = { resolve, reject }
        this.#watch()
      })
    }
  }

  /**
   * Does work for the peer that is neither reading nor writing: withdrawn when the peer has left
   * (MPTK_LEFT), though bytes of it wait to be read, and when the connection fails here. One at a time.
   */
  async attend<T>(leaving: Leaving, work: (gone: Cancellation) => Promise<T>): Promise<T> {
    this.#check()
    const attendant: Attendant = { leaving, ended: false, gone: new Cancel() }
    this.#attendant = attendant
    try {
      this.#watch()
      return await work(attendant.gone)
    } finally {
      clearTimeout(attendant.patience)
      this.#attendant = undefined
      if (this.#open && this.#failure === undefined) this.#watch()
    }
  }

  /** Ends our direction (FIN); reading goes on. @throws {SystemError} */
  end(): void {
    this.#check()
    native.shutdown(this.#fd)
  }

  /** Makes the pending and every later read and write throw `reason`; how deadlines and shutdown reach a handshake. */
  fail(reason: Error): void {
    this.#failure ??= reason
    this.#stopWatching()
    const waiters = [this.#reader, this.#writer]
    this.#reader = this.#writer = undefined
    for (const waiter of waiters) waiter?.reject(this.#failure)
    this.#attendant?.gone.abort(this.#failure)
  }

  /** Stops using the descriptor on the event loop and hands it to the caller (the relay), who does not close it. */
  detach(): number {
    this.#check()
    this.#stopWatching()
    return this.#fd
  }

  /** After a relay that did not end in order: closing then ends the stream, and nothing on its way is lost. */
  keepFromReset(): void {
    this.#check()
    native.setOption(this.#fd, SOL_SOCKET, SO_LINGER, NO_LINGER)
  }

  /** Closes; unread input makes the kernel send a reset, as with any socket. Harmless when closed. */
  close(): void {
    this.#finish((fd) => native.closeSoon(fd))
  }

  /** Closes with a reset. Harmless when closed. */
  reset(): void {
    this.#finish((fd) => native.reset(fd))
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#open) throw new Error('connection is closed')
  }

  /** Has the kernel watched for what is waited for, and no more. */
  #watch(): void {
    const readable = this.#reader !== undefined
    const writable = this.#writer !== undefined
    const ended = this.#attendant?.ended === false
    const failed = this.#attendant?.ended === true
    if (!readable && !writable && !ended && !failed) {
      this.#watcher?.stop()
      return
    }
    this.#watcher ??= native.watch(this.#fd, (...ready) => this.#ready(...ready))
    this.#watcher.start({ readable, writable, ended, failed })
  }

  #ready(readable: boolean, writable: boolean, ended: boolean, failed: boolean): void {
    const reader = readable ? this.#reader : undefined
    const writer = writable ? this.#writer : undefined
    if (reader !== undefined) this.#reader = undefined
    if (writer !== undefined) this.#writer = undefined
    const why =
      this.#attendant && (ended || failed) ? this.#whyLeft(this.#attendant, ended, failed) : undefined
    const left = why === undefined ? undefined : this.#attendant
    if (left !== undefined) this.#attendant = undefined
    this.#watch()
    reader?.resolve()
    writer?.resolve()
    left?.gone.abort(new MptkError('MPTK_LEFT', `the client left: ${why}`))
  }

  /** How the peer has left, if it has: it ended its direction, or its connection failed (which is both). */
  #whyLeft(attendant: Attendant, ended: boolean, failed: boolean): string | undefined {
    if (ended && failed) return 'its connection broke'
    const waits = this.#waits()
    if (failed) {
      // a hang-up without an error; or urgent bytes, which would be reported for ever
      if (waits) this.#attendant = undefined
      return waits ? undefined : 'its connection is gone'
    }
    attendant.ended = true
    if (attendant.leaving === 'end' && !waits) {
      attendant.patience = setTimeout(() => this.#leave(attendant), AFTER_END)
    }
    return undefined
  }

  #leave(attendant: Attendant): void {
    if (this.#attendant !== attendant || this.#failure !== undefined) return
    this.#attendant = undefined
    this.#watch()
    attendant.gone.abort(new MptkError('MPTK_LEFT', 'the client left: it has ended its direction'))
  }

  /** Whether bytes of the peer wait to be read. */
  #waits(): boolean {
    try {
      return native.peek(this.#fd) > 0
    } catch {
      return false
    }
  }

  #stopWatching(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #finish(how: (fd: number) => void): void {
    if (!this.#open) return
    this.fail(new Error('connection is closed'))
    this.#open = false
    how(this.#fd)
    this.#fd = -1
  }
}
