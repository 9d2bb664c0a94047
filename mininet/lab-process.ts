import { createInterface } from 'node:readline'
import { MptkError } from '../src/errors.js'
import type { ExitStatus, SpawnedCommand } from '../src/exec.js'

export interface WaitOptions {
  /** Milliseconds; a generous bound on a hang, not a measure. 30 s unless given. */
  timeout?: number
}

interface Waiter {
  pattern: RegExp
  resolve: (match: RegExpExecArray) => void
  reject: (error: MptkError) => void
}

/** A command that runs in a host of the lab, with the lines it has printed so far. */
export class LabProcess {
  /** Lines of standard output and standard error, as they came. */
  readonly lines: string[] = []
  readonly exited: Promise<ExitStatus>
  readonly #command: SpawnedCommand
  readonly #log: ((line: string) => void) | undefined
  readonly #waiters = new Set<Waiter>()
  #outputEnded = false
  #hasExited = false

  constructor(command: SpawnedCommand, log?: (line: string) => void) {
    this.#command = command
    this.#log = log
    this.exited = command.exited
    const ends = [command.stdout, command.stderr].map((stream) => {
      const reader = createInterface({ input: stream })
      reader.on('line', (line) => this.#onLine(line))
      return new Promise<void>((resolve) => reader.once('close', resolve))
    })
    void this.exited.then(() => (this.#hasExited = true))
    void Promise.all(ends).then(() => {
      this.#outputEnded = true
      for (const waiter of this.#waiters) waiter.reject(this.#failure(waiter.pattern, 'it has ended'))
      this.#waiters.clear()
    })
  }

  get pid(): number {
    return this.#command.pid
  }

  get argv(): readonly string[] {
    return this.#command.argv
  }

  get stdin(): SpawnedCommand['stdin'] {
    return this.#command.stdin
  }

  /**
   * The first line, past or to come, that matches.
   * @throws {MptkError} MPTK_LAB when the output ends or the time is up before one does
   */
  async waitForLine(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    for (const line of this.lines) {
      const match = search(pattern, line)
      if (match !== null) return match
    }
    if (this.#outputEnded) throw this.#failure(pattern, 'it has ended')
    const timeout = options.timeout ?? 30_000
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve, reject) => {
        const waiter = { pattern, resolve, reject }
        this.#waiters.add(waiter)
        timer = setTimeout(() => {
          this.#waiters.delete(waiter)
          reject(this.#failure(pattern, `${timeout} ms are over`))
        }, timeout)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Signals the command and what it started. */
  kill(signal: NodeJS.Signals): void {
    if (!this.#hasExited) this.#command.kill(signal)
  }

  /** SIGTERM; SIGKILL when it has not ended after `grace` milliseconds. */
  async stop({ grace = 5000 }: { grace?: number } = {}): Promise<ExitStatus> {
    // Long after its end the process id may be another's.
    if (this.#hasExited) return this.exited
    this.#command.kill('SIGTERM')
    const timer = setTimeout(() => this.#command.kill('SIGKILL'), grace)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
      // What the command started and did not end itself, now without it.
      this.#command.kill('SIGKILL')
    }
  }

  #onLine(line: string): void {
    this.lines.push(line)
    this.#log?.(line)
    for (const waiter of this.#waiters) {
      const match = search(waiter.pattern, line)
      if (match === null) continue
      this.#waiters.delete(waiter)
      waiter.resolve(match)
    }
  }

  #failure(pattern: RegExp, why: string): MptkError {
    const said = this.lines.slice(-3).join('; ')
    return new MptkError(
      'MPTK_LAB',
      `${this.argv.join(' ')}: no line like ${pattern.source}, and ${why}${said === '' ? '' : `; last: ${said}`}`,
    )
  }
}

/** exec() of a pattern with the g or y flag would start where its last match ended. */
function search(pattern: RegExp, line: string): RegExpExecArray | null {
  pattern.lastIndex = 0
  return pattern.exec(line)
}
