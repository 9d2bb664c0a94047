/**
 * The lab: a network of namespaces built by real Mininet (lab.py), driven from here.
 *
 *     await using lab = await Lab.start(await readTopology('thesis'))
 *     await lab.host('client').run(['curl', '-sS', 'http://10.0.3.3/'])
 *     await lab.link('wlan').down()
 */
import { readdir, readFile } from 'node:fs/promises'
import { describeError, MptkError } from '../src/errors.js'
import { LabControl, labFile, removeLeftovers, type LabEnd, type LabReady } from './lab-control.js'
import { LabHost } from './lab-host.js'
import { LabLink } from './lab-link.js'
import type { LabProcess } from './lab-process.js'
import { parseTopology, type Topology } from './topology.js'

/** The topologies in mininet/topologies. */
export async function listTopologies(): Promise<Topology[]> {
  const names = (await readdir(labFile('topologies'))).filter((each) => each.endsWith('.json')).sort()
  return Promise.all(names.map((each) => readTopology(each.replace(/\.json$/, ''))))
}

/**
 * One of the topologies in mininet/topologies by its name, or any by its file's path.
 * @throws {MptkError} MPTK_LAB
 */
export async function readTopology(nameOrPath: string): Promise<Topology> {
  const known = /^[a-z0-9-]+$/.test(nameOrPath)
  const file = known ? labFile('topologies', `${nameOrPath}.json`) : nameOrPath
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new MptkError('MPTK_LAB', `topology ${nameOrPath}: ${describeError(cause)}`, { cause })
  }
  return parseTopology(value)
}

export interface LabOptions {
  /** Stops the lab, also while it is being built. */
  signal?: AbortSignal
}

export class Lab {
  /** Settles when the lab is gone: with undefined after stop(), with the reason when it failed. Never rejects. */
  readonly ended: Promise<MptkError | undefined>
  readonly #control: LabControl
  readonly #hosts: Map<string, LabHost>
  readonly #links: Map<string, LabLink>
  readonly #started = new Set<LabProcess>()
  readonly #running = new AbortController()
  #stopping: Promise<void> | undefined
  #cleanupError: MptkError | undefined

  private constructor(control: LabControl, ready: LabReady) {
    this.#control = control
    this.#hosts = new Map(
      Object.entries(ready.hosts).map(([name, node]) => [
        name,
        new LabHost(name, node, this.#running.signal, this.#started),
      ]),
    )
    this.#links = new Map(
      Object.entries(ready.links).map(([name, link]) => [name, new LabLink(name, link, control)]),
    )
    this.ended = control.ended.then((end) => this.#onEnd(end))
  }

  /**
   * Builds a topology. Needs root and what scripts/install-lab-tools.sh installs.
   * @throws {MptkError} MPTK_LAB, saying in one line what could not be built
   */
  static async start(topology: unknown, { signal }: LabOptions = {}): Promise<Lab> {
    refuseAborted(signal)
    const control = new LabControl(parseTopology(topology))
    const hangUp = () => control.hangUp()
    signal?.addEventListener('abort', hangUp, { once: true })
    let lab: Lab
    try {
      lab = new Lab(control, await control.ready)
    } catch (error) {
      refuseAborted(signal)
      if (!(await control.ended).clean) await removeLeftovers()
      throw error
    } finally {
      signal?.removeEventListener('abort', hangUp)
    }
    // A failed clean-up is reported to whoever calls stop() themselves.
    const stop = () => void lab.stop().catch(() => undefined)
    signal?.addEventListener('abort', stop, { once: true })
    void lab.ended.then(() => signal?.removeEventListener('abort', stop))
    return lab
  }

  /** lab.py's process id. */
  get pid(): number {
    return this.#control.pid
  }

  get hosts(): LabHost[] {
    return [...this.#hosts.values()]
  }

  get links(): LabLink[] {
    return [...this.#links.values()]
  }

  host(name: string): LabHost {
    return find(this.#hosts, 'host', name)
  }

  link(name: string): LabLink {
    return find(this.#links, 'link', name)
  }

  /**
   * Ends everything that runs in the lab, then the lab; may be called again.
   * @throws {MptkError} MPTK_LAB when something of it could not be removed
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#started].map((each) => each.stop()))
    this.#running.abort()
    try {
      await this.#control.send({ op: 'stop' })
    } catch {
      // It has ended already; #onEnd cleans up behind it.
    }
    await this.ended
    if (this.#cleanupError !== undefined) throw this.#cleanupError
  }

  async #onEnd({ clean, reason }: LabEnd): Promise<MptkError | undefined> {
    this.#running.abort()
    for (const each of this.#started) each.kill('SIGKILL')
    if (clean) return this.#stopping === undefined ? reason : undefined
    try {
      await removeLeftovers()
    } catch (cause) {
      this.#cleanupError = new MptkError(
        'MPTK_LAB',
        `the lab left something behind: ${describeError(cause)}`,
        {
          cause,
        },
      )
    }
    return reason
  }
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new MptkError('MPTK_LAB', 'the lab was aborted before it was ready', { cause: signal.reason })
}

function find<T>(all: Map<string, T>, kind: string, name: string): T {
  const found = all.get(name)
  if (found === undefined) {
    throw new MptkError('MPTK_LAB', `there is no ${kind} ${name}; there are ${[...all.keys()].join(', ')}`)
  }
  return found
}
