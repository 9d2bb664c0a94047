import { readFile } from 'node:fs/promises'
import { MptkError } from '../src/errors.js'
import {
  namespaceRunner,
  type RunOptions,
  type RunResult,
  type Runner,
  type SpawnOptions,
} from '../src/exec.js'
import type { LabInterface, LabNode } from './lab-control.js'
import { LabProcess } from './lab-process.js'

export interface LabSpawnOptions extends SpawnOptions {
  /** Called with every line the command prints. */
  log?: (line: string) => void
}

/** Bytes and packets of an interface, Ethernet headers included. */
export interface InterfaceCounters {
  rxBytes: number
  rxPackets: number
  txBytes: number
  txPackets: number
}

/** A host of the lab: runs commands in its namespaces, and knows its network. */
export class LabHost {
  readonly name: string
  /** For code that is told where to run its commands; what it spawns is its own to end. */
  readonly runner: Runner
  /** The process whose namespaces are the host's. */
  readonly pid: number
  readonly interfaces: readonly LabInterface[]
  readonly #signal: AbortSignal
  readonly #started: Set<LabProcess>

  constructor(name: string, node: LabNode, signal: AbortSignal, started: Set<LabProcess>) {
    this.name = name
    this.pid = node.pid
    this.interfaces = node.interfaces
    this.runner = namespaceRunner(node.pid)
    this.#signal = signal
    this.#started = started
  }

  /** Words that take a command to the host from any terminal of root's, as `nsenter … bash`. */
  enter(argv: readonly string[]): string[] {
    return ['nsenter', `--target=${this.pid}`, '--net', '--mount', '--', ...argv]
  }

  /** Runs a command in the host, in this process's working directory unless `cwd` says otherwise. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.runner.run(argv, { ...options, signal: this.#until(options.signal) })
  }

  /** Starts a command in the host; it ends with the lab at the latest. */
  spawn(argv: readonly string[], { log, ...options }: LabSpawnOptions = {}): LabProcess {
    const command = this.runner.spawn(argv, { ...options, signal: this.#until(options.signal) })
    const process = new LabProcess(command, log)
    this.#started.add(process)
    void process.exited.then(() => this.#started.delete(process))
    return process
  }

  interface(name: string): LabInterface {
    const found = this.interfaces.find((each) => each.name === name)
    if (found === undefined) {
      const known = this.interfaces.map((each) => each.name).join(', ')
      throw new MptkError('MPTK_LAB', `${this.name} has no interface ${name}; it has ${known}`)
    }
    return found
  }

  /** The interface's first address of a family, without prefix length. */
  address(name: string, family: 4 | 6 = 4): string {
    const found = this.interface(name).addresses.find((each) => each.includes(':') === (family === 6))
    if (found === undefined)
      throw new MptkError('MPTK_LAB', `${this.name} ${name} has no IPv${family} address`)
    return found.replace(/\/.*$/, '')
  }

  /** What an interface has carried since the lab was started. */
  async counters(name: string): Promise<InterfaceCounters> {
    this.interface(name)
    const table = await readFile(`/proc/${this.pid}/net/dev`, 'utf8')
    const line = table.split('\n').find((each) => each.trim().startsWith(`${name}:`))
    const fields =
      line
        ?.slice(line.indexOf(':') + 1)
        .trim()
        .split(/\s+/)
        .map(Number) ?? []
    // proc(5): eight columns received, eight sent, both beginning with bytes and packets
    const [rxBytes, rxPackets] = fields
    const [txBytes, txPackets] = fields.slice(8)
    if (
      rxBytes === undefined ||
      rxPackets === undefined ||
      txBytes === undefined ||
      txPackets === undefined
    ) {
      throw new MptkError('MPTK_LAB', `${this.name}: /proc/net/dev has no counters of ${name}`)
    }
    return { rxBytes, rxPackets, txBytes, txPackets }
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal])
  }
}
