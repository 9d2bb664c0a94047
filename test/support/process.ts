/** The built `mptk` command as a child: what it prints, line by line, and how it ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface CommandOptions {
  /** Standard input, which ends after it; empty unless told. */
  input?: string
  /** Words before the command: `ip netns exec …`. */
  prefix?: string[]
  cwd?: string
  env?: Record<string, string>
}

/** The lines of one stream so far, and a way to wait for one. */
class Lines {
  readonly seen: string[] = []
  #done = false
  #wake: (() => void)[] = []

  constructor(stream: Readable) {
    const lines = createInterface({ input: stream })
    lines.on('line', (line) => {
      this.seen.push(line)
      this.#wakeAll()
    })
    lines.on('close', () => {
      this.#done = true
      this.#wakeAll()
    })
  }

  get text(): string {
    return this.seen.map((line) => `${line}\n`).join('')
  }

  /** The first line that matches, now or later. @throws when the stream ends without one */
  async find(pattern: RegExp): Promise<RegExpExecArray> {
    for (let next = 0; ;) {
      for (; next < this.seen.length; next++) {
        const match = pattern.exec(this.seen[next] ?? '')
        if (match !== null) return match
      }
      if (this.#done) throw new Error(`no line matches ${String(pattern)} in: ${this.text}`)
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}

export class Command {
  readonly pid: number
  readonly stdout: Lines
  readonly stderr: Lines
  /** When the process has ended and everything it printed is here. */
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess

  constructor(args: string[], { input = '', prefix = [], cwd, env }: CommandOptions) {
    if (!existsSync(MAIN)) throw new Error('dist/ is missing: run npm run build first')
    const [command = '', ...rest] = [...prefix, process.execPath, MAIN, ...args]
    const child = spawn(command, rest, {
      cwd,
      // neither the test runner's own preloads nor its measuring of coverage must come along
      env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: undefined, LC_ALL: 'C', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    if (child.pid === undefined) throw new Error(`${command} did not start`)
    this.pid = child.pid
    this.#child = child
    this.stdout = new Lines(child.stdout)
    this.stderr = new Lines(child.stderr)
    // a command that reads nothing may end first
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout.text, stderr: this.stderr.text })
      })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Where a service of this name, or `status`, listens: `mptk run` says so in its log when it is up. */
  async addressOf(service: string): Promise<{ host: string; port: number }> {
    const { listeners, status } = await this.up()
    const listen =
      service === 'status'
        ? status?.replace(/^http:\/\/(.*)\/status$/, '$1')
        : listeners.find((each) => each.service === service)?.listen
    const [, host = '', port] = /^\[?([0-9a-f.:]+?)\]?:(\d+)$/.exec(listen ?? '') ?? []
    if (port === undefined) throw new Error(`no service ${service} in ${this.stderr.text}`)
    return { host, port: Number(port) }
  }

  /** What `mptk run` says when everything is up, with its log in JSON and of level info. */
  async up(): Promise<Up> {
    const { input } = await this.stderr.find(/"msg":"mptk \S+ on Linux /)
    return JSON.parse(input) as Up
  }
}

/** {@link Command.up} */
export interface Up {
  msg: string
  listeners: { service: string; listen: string; protocol: string; reason?: string; egress: string }[]
  status?: string
  try?: string
}

/** Starts `mptk` with these arguments; killed with the test, should it still run then. */
export function start(t: Test, args: string[], options: CommandOptions = {}): Command {
  const command = new Command(args, options)
  t.teardown(() => {
    command.signal('SIGKILL')
    return command.ended
  })
  return command
}

/** Runs `mptk` to its end. */
export function run(t: Test, args: string[], options: CommandOptions = {}): Promise<Ended> {
  return start(t, args, options).ended
}
