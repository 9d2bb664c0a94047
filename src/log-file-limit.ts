/**
 * A log file that nobody rotates, as `mptk apply` starts services where there is no systemd: when it
 * has grown beyond its limit its content goes to `FILE.1`, in place of what was there, and it begins anew.
 */
import { copyFileSync, fstatSync, ftruncateSync, readlinkSync, rmSync } from 'node:fs'

/** Names the limit in bytes; set by who opened the file, and opened it for appending. */
export const LOG_LIMIT_VARIABLE = 'MPTK_LOG_LIMIT'

export class LogFileLimit {
  readonly #fd: number
  readonly #path: string
  #limit: number

  private constructor(fd: number, path: string, limit: number) {
    this.#fd = fd
    this.#path = path
    this.#limit = limit
  }

  /** Undefined where there is no limit, or the descriptor is no regular file. */
  static ofEnvironment(fd: number): LogFileLimit | undefined {
    const limit = Number(process.env[LOG_LIMIT_VARIABLE])
    if (!(limit > 0) || !fstatSync(fd).isFile()) return undefined
    return new LogFileLimit(fd, readlinkSync(`/proc/self/fd/${fd}`), limit)
  }

  /** Called between two lines: none is cut. Never throws. */
  check(): void {
    if (fstatSync(this.#fd).size < this.#limit) return
    const old = `${this.#path}.1`
    try {
      // first: where the disk is full this makes the room
      rmSync(old, { force: true })
      copyFileSync(this.#path, old)
    } catch {
      // what is older is lost; a file that goes on growing would be worse
    }
    try {
      ftruncateSync(this.#fd, 0)
    } catch {
      // one that may only grow, by the wish of whoever made it so
      this.#limit = Infinity
    }
  }
}
