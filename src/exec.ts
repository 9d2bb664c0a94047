/**
 * Running commands, here or elsewhere: code that configures or measures takes a {@link Runner}
 * and does not know where its commands run.
 */
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { MptkError } from './errors.js'

export interface RunOptions {
  cwd?: string
  /** Added to this process's environment; LC_ALL is C unless given here. */
  env?: Record<string, string>
  /** Written to standard input, which is empty otherwise. */
  input?: string
  /** Milliseconds after which the command is ended and the call fails. */
  timeout?: number
  signal?: AbortSignal
  /** False: a non-zero exit code is a result, not an error. */
  reject?: boolean
  /** In a process group of its own: a terminal's Ctrl-C does not reach it. */
  detached?: boolean
}

export interface RunResult {
  /** Without the last newline. */
  stdout: string
  stderr: string
  /** 128 + signal number for a command that a signal ended, as shells have it. */
  exitCode: number
}

export interface SpawnOptions {
  cwd?: string
  env?: Record<string, string>
  signal?: AbortSignal
}

export interface ExitStatus {
  exitCode: number | undefined
  signal: NodeJS.Signals | undefined
}

/** A command that goes on running. Both outputs must be read or resumed, else it blocks when a pipe is full. */
export interface SpawnedCommand {
  readonly argv: readonly string[]
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the command itself has ended, also while others still hold its pipes; never rejects. */
  readonly exited: Promise<ExitStatus>
  /** Signals the command and what it started (its process group); false when nobody is left. */
  kill(signal: NodeJS.Signals): boolean
}

/** Where commands run. `argv[0]` is looked up in PATH; no shell is involved. */
export interface Runner {
  /** Runs to the end. @throws {MptkError} MPTK_EXEC with the command and its output */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>
  /** @throws {MptkError} MPTK_EXEC when the command could not be started */
  spawn(argv: readonly string[], options?: SpawnOptions): SpawnedCommand
}

/** Puts before a command what takes it to its place. */
type Prefix = (cwd: string) => readonly string[]

class LocalRunner implements Runner {
  readonly #prefix: Prefix

  constructor(prefix: Prefix) {
    this.#prefix = prefix
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [file = '', ...rest] = this.#complete(argv, options.cwd)
    const result = await execa(file, rest, {
      ...common(options),
      input: options.input ?? '',
      detached: options.detached ?? false,
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    })
    const { stdout, stderr, signal } = result
    const exitCode = result.exitCode ?? (signal === undefined ? undefined : 128 + constants.signals[signal])
    const tolerated = options.reject === false && !result.timedOut && !result.isCanceled
    if (exitCode === undefined || (exitCode !== 0 && !tolerated) || result.timedOut || result.isCanceled) {
      throw new MptkError('MPTK_EXEC', describeFailure(argv, result, options), { cause: result })
    }
    return { stdout, stderr, exitCode }
  }

  spawn(argv: readonly string[], options: SpawnOptions = {}): SpawnedCommand {
    const [file = '', ...rest] = this.#complete(argv, options.cwd)
    // A process group of its own: a terminal's Ctrl-C is for whoever started the command, and
    // ending the command can end what it started.
    const child = execa(file, rest, {
      ...common(options),
      detached: true,
      buffer: false,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const { pid } = child
    if (pid === undefined) {
      throw new MptkError('MPTK_EXEC', `${argv.join(' ')}: could not be started`)
    }
    // A command that ends without reading its input is no error of ours.
    child.stdin.on('error', () => undefined)
    const exited = new Promise<ExitStatus>((resolve) => {
      child.once('exit', (exitCode, signal) =>
        resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }),
      )
    })
    return {
      argv,
      pid,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      kill: (signal) => killGroup(pid, signal),
    }
  }

  #complete(argv: readonly string[], cwd = process.cwd()): readonly string[] {
    if (argv.length === 0) throw new MptkError('MPTK_EXEC', 'an empty command cannot be run')
    return [...this.#prefix(cwd), ...argv]
  }
}

function common({ cwd, env, signal }: SpawnOptions) {
  return {
    reject: false,
    env: { LC_ALL: 'C', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  } as const
}

interface Failure {
  exitCode?: number | undefined
  signal?: string | undefined
  timedOut: boolean
  isCanceled: boolean
  code?: string | undefined
  stdout: string
  stderr: string
}

function describeFailure(argv: readonly string[], failure: Failure, options: RunOptions): string {
  const why = failure.timedOut
    ? `not done after ${options.timeout ?? 0} ms`
    : failure.isCanceled
      ? 'aborted'
      : failure.exitCode !== undefined
        ? `exit code ${failure.exitCode}`
        : failure.signal !== undefined
          ? `ended by ${failure.signal}`
          : `could not be started (${failure.code ?? 'unknown'})`
  const output = (failure.stderr || failure.stdout).trim().split(/\s*\n\s*/)
  const said = output.slice(-3).join('; ')
  return `${argv.join(' ')}: ${why}${said === '' ? '' : `: ${said}`}`
}

function killGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

/** Commands on this machine, in the namespaces this process is in. */
export const localRunner: Runner = new LocalRunner(() => [])

/**
 * Commands in the network and mount namespaces of a process, with the caller's working directory.
 * The mount namespace matters too: /sys shows the network of whoever mounted it. Needs root.
 */
export function namespaceRunner(pid: number): Runner {
  // nsenter, then env, then the command: each replaces the one before, so the process id is the
  // command's. env -C because nsenter's own --wd keeps a directory of the old mount namespace.
  return new LocalRunner((cwd) => [
    'nsenter',
    `--target=${pid}`,
    '--net',
    '--mount',
    '--',
    'env',
    '-C',
    cwd,
    '--',
  ])
}
