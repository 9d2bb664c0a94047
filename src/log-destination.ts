/**
 * Where log lines go: a descriptor that may take no more for a while, or for ever (a reader that has
 * stopped, a terminal after Ctrl-S, a full disk). Nobody ever waits for it. Lines wait within bounds,
 * those beyond are counted, and when it is over somebody is told how many there were.
 */
import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { errnoName } from './errors.js'
import { native } from './native.js'

/** Bytes of the lines that wait. */
export const MOST_WAITING = 1 << 20
/** Bytes of one write(2). */
const MOST_AT_ONCE = 1 << 16
/** Until the next attempt, milliseconds: after "not now", and after an error such as ENOSPC. */
const PAUSE_FULL = 50
const PAUSE_ERROR = 1000

export interface DestinationOptions {
  /** Everything that waited is written, and so many lines were not kept since this was last called. */
  onDropped: (lines: number) => void
  /** A regular file has grown, and ends with a whole line. */
  onGrown?: () => void
}

interface Opened {
  fd: number
  /** A regular file: write(2) never says "not now", and may take the time of a disk. */
  regular: boolean
  close(): void
}

export class LogDestination {
  readonly #options: DestinationOptions
  readonly #to: Opened
  /** Lines that wait; of the first, so many bytes are written already. */
  #waiting: Buffer[] = []
  #bytes = 0
  #written = 0
  /** A write is under way, or the next attempt has its time. */
  #busy = false
  #retry: NodeJS.Timeout | undefined
  /** Not kept: since the start, and since somebody was told. */
  #dropped = 0
  #untold = 0
  #onEmpty: (() => void) | undefined
  #closed = false

  /** @param fd of the caller, who does not close it. @throws {SystemError} when it is none */
  constructor(fd: number, options: DestinationOptions) {
    this.#options = options
    this.#to = openFor(fd)
  }

  /** Lines not kept since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** @param line with its line break; never waits and never fails */
  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#closed || this.#bytes + bytes.length > MOST_WAITING) {
      this.#dropped++
      this.#untold++
      return
    }
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (!this.#busy) this.#next()
  }

  /** Writes what waits, but takes no more than so many milliseconds; lines that come later are dropped. */
  async close(patience: number): Promise<void> {
    if (this.#waiting.length > 0) {
      const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, patience)))
      if (this.#retry !== undefined) this.#again()
      await Promise.race([empty, late])
      clearTimeout(timer)
    }
    this.#closed = true
    clearTimeout(this.#retry)
    // a write under way to a regular file has its descriptor from the caller, and goes on
    this.#to.close()
  }

  #again(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#next()
  }

  #next(): void {
    this.#busy = true
    const chunk = this.#chunk()
    if (this.#to.regular) {
      write(this.#to.fd, chunk, (error, count) => this.#done(error, error === null ? count : 0))
      return
    }
    try {
      this.#done(null, writeSync(this.#to.fd, chunk))
    } catch (error) {
      this.#done(error, 0)
    }
  }

  /** The first lines that wait. */
  #chunk(): Buffer {
    let [lines, length] = [0, 0]
    for (const line of this.#waiting) {
      if (lines > 0 && length + line.length > MOST_AT_ONCE) break
      lines++
      length += line.length
    }
    return Buffer.concat(this.#waiting.slice(0, lines)).subarray(this.#written)
  }

  #done(error: unknown, count: number): void {
    this.#busy = false
    this.#take(count)
    if (count > 0 && this.#to.regular && this.#written === 0) this.#options.onGrown?.()
    if (error !== null) {
      this.#busy = true
      const pause = errnoName(error) === 'EAGAIN' ? PAUSE_FULL : PAUSE_ERROR
      // does not keep the process alive
      this.#retry = setTimeout(() => this.#again(), pause).unref()
      return
    }
    if (this.#waiting.length > 0) {
      this.#next()
      return
    }
    this.#tell()
    if (this.#waiting.length === 0) this.#onEmpty?.()
  }

  /** So many bytes are written. */
  #take(count: number): void {
    this.#bytes -= count
    this.#written += count
    let lines = 0
    for (const line of this.#waiting) {
      if (this.#written < line.length) break
      this.#written -= line.length
      lines++
    }
    this.#waiting.splice(0, lines)
  }

  #tell(): void {
    if (this.#untold === 0) return
    const lines = this.#untold
    this.#untold = 0
    this.#options.onDropped(lines)
  }
}

/**
 * O_NONBLOCK belongs to the open file description, which a shell or other programs may share: pipes
 * and terminals are therefore opened anew. Sockets (systemd's journal) cannot be, nor what belongs
 * to another user: there it is set for all, until {@link Opened.close}.
 */
function openFor(fd: number): Opened {
  if (fstatSync(fd).isFile()) return { fd, regular: true, close: () => undefined }
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
  try {
    const own = openSync(`/proc/self/fd/${fd}`, flags)
    return { fd: own, regular: false, close: () => closeSync(own) }
  } catch {
    const before = native.nonBlocking(fd, true)
    return { fd, regular: false, close: () => void native.nonBlocking(fd, before) }
  }
}
