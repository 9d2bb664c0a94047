/**
 * Mends that take a command, one at a time, what closes a way before all else. Each runs as a command of `mptk apply` does:
 * it holds `busy` in the state folder, and does nothing when an apply or a revert has begun.
 */
import { describeError } from '../../src/errors.js'
import { localRunner } from '../../src/exec.js'
import { commandName } from '../command-text.js'
import { driverOf } from '../driver-of.js'
import type { Json, Place } from '../linux/driver.js'
import { DRIVERS } from '../linux/drivers.js'
import { resourceId, type Command, type NftTableResource, type Resource } from '../resource.js'
import type { Mending } from './mending.js'
import { keptResource } from './kept-network.js'

/** Exit code of a mend that did nothing. */
const NOT_NOW = 75
/** Another command of mptk is at work: ms. */
const SOON = 100
const GUARDED = `[ ! -e "$1" ] || exit ${NOT_NOW}; shift; exec "$@"`

interface Job {
  resource: Resource
  state: Json | null
  was: string
}

export interface MendCommandsOptions {
  folder: string
  mending: Mending
  /** Asked right before each command. */
  mayMend: () => boolean
  /** An nftables table was written. */
  onTable: (table: NftTableResource) => void
}

export class MendCommands {
  readonly #options: MendCommandsOptions
  readonly #place: Place
  readonly #jobs = new Map<string, Job>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #running = false
  #at: string | undefined

  constructor(options: MendCommandsOptions) {
    this.#options = options
    this.#place = { runner: localRunner, systemd: false, state: options.folder }
  }

  stop(): void {
    this.#jobs.clear()
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  /** Its command runs now, or waits to: what is told of it meanwhile is of our own doing or comes to the same. */
  isAt(resource: Resource): boolean {
    const id = resourceId(resource)
    return this.#at === id || this.#jobs.has(id)
  }

  /** @param state what was found, as the driver has it @param was the same in words */
  add(resource: Resource, state: Json | null, was: string): void {
    this.#jobs.set(resourceId(resource), { resource, state, was })
    if (this.#running) return
    this.#running = true
    this.#run()
      .catch(() => undefined)
      .finally(() => {
        this.#running = false
      })
  }

  async #run(): Promise<void> {
    for (let job = this.#next(); job !== undefined; job = this.#next()) await this.#mend(job)
  }

  #next(): Job | undefined {
    const jobs = [...this.#jobs]
    const [found] = [...jobs.filter(([, { resource }]) => resource.kind === 'nft-table'), ...jobs]
    if (found === undefined) return undefined
    this.#jobs.delete(found[0])
    return found[1]
  }

  async #mend(job: Job): Promise<void> {
    const { resource, state, was } = job
    const { mending, mayMend, onTable } = this.#options
    const kept = keptResource(resource)
    const wait = mending.wait(kept)
    if (wait > 0) this.#later(job, wait)
    if (wait > 0 || !mayMend()) return
    this.#at = kept.id
    try {
      for (const command of driverOf(DRIVERS, resource).apply(state, resource, this.#place)) {
        if (await this.#change(command)) continue
        this.#later(job, SOON)
        return
      }
      mending.mended(kept, was)
    } catch (error) {
      this.#later(job, mending.failed(kept, describeError(error)))
    } finally {
      this.#at = undefined
      if (resource.kind === 'nft-table') onTable(resource)
    }
  }

  /** All else is looked at every second. */
  #later(job: Job, wait: number): void {
    if (job.resource.kind !== 'nft-table') return
    const id = resourceId(job.resource)
    clearTimeout(this.#timers.get(id))
    this.#timers.set(
      id,
      setTimeout(() => {
        this.#timers.delete(id)
        this.add(job.resource, job.state, job.was)
      }, wait),
    )
  }

  /** False when it was not for us to do. @throws {MptkError} MPTK_EXEC */
  async #change({ argv, input }: Command): Promise<boolean> {
    const { folder } = this.#options
    const { exitCode, stderr } = await localRunner.run(
      [
        'flock',
        '-n',
        '-o',
        '-E',
        `${NOT_NOW}`,
        `${folder}/busy`,
        'sh',
        '-c',
        GUARDED,
        'sh',
        `${folder}/undoing`,
        ...argv,
      ],
      { detached: true, reject: false, ...(input === undefined ? {} : { input }) },
    )
    if (exitCode === NOT_NOW) return false
    if (exitCode === 0) return true
    throw new Error(
      `${commandName({ argv })}: exit code ${exitCode}: ${stderr.trim().split('\n').slice(-2).join('; ')}`,
    )
  }
}
