/**
 * What is applied on this host, from the journal of `mptk apply`: only that is kept. While an apply
 * or a revert is at work nothing is.
 */
import { existsSync, statSync } from 'node:fs'
import { readTrustedFile } from '../../src/config/trusted-file.js'
import { describeError, errnoName, MptkError } from '../../src/errors.js'
import type { Runner } from '../../src/exec.js'
import { epochScript } from '../engine-place.js'
import { parseJournal, type Journal } from '../journal.js'
import type { Resource } from '../resource.js'

export type Applied =
  /** No journal, or one of another boot or network namespace. */
  | { state: 'nothing applied' }
  | { state: 'unreadable'; why: string }
  /** Or one of the two broke off: `mptk apply` and `mptk revert` mend that. */
  | { state: 'apply or revert at work' }
  | { state: 'applied'; resources: Resource[] }

export class AppliedState {
  readonly #folder: string
  readonly #runner: Runner
  #read = ''

  constructor(folder: string, runner: Runner) {
    this.#folder = folder
    this.#runner = runner
  }

  /** True when nobody has begun or ended an apply or a revert since it was read. */
  unchanged(): boolean {
    return this.#signature() === this.#read
  }

  async read(): Promise<Applied> {
    this.#read = this.#signature()
    let journal: Journal
    try {
      const name = `${this.#folder}/journal.json`
      journal = parseJournal((await readTrustedFile(name)).text, name)
    } catch (error) {
      return errnoName(error instanceof MptkError ? error.cause : error) === 'ENOENT'
        ? { state: 'nothing applied' }
        : { state: 'unreadable', why: describeError(error) }
    }
    const { stdout } = await this.#runner.run(['sh', '-c', epochScript(journal.netns)])
    if (!isSameEpoch(journal.epoch, stdout)) return { state: 'nothing applied' }
    if (journal.state === 'applying' || existsSync(this.#undoing)) return { state: 'apply or revert at work' }
    return { state: 'applied', resources: promisedBy(journal) }
  }

  get #undoing(): string {
    return `${this.#folder}/undoing`
  }

  /** Files of the folder are replaced, never written in place. */
  #signature(): string {
    try {
      const found = statSync(`${this.#folder}/journal.json`, { bigint: true, throwIfNoEntry: false })
      const journal = found === undefined ? 'none' : `${found.ino} ${found.mtimeNs} ${found.size}`
      return `${journal} ${existsSync(this.#undoing)}`
    } catch (error) {
      // a folder that is not ours to look into
      return describeError(error)
    }
  }
}

/** A service that sees no processes but its own cannot tell when the first one began: then that word is empty. */
export function isSameEpoch(journal: string, now: string): boolean {
  const [then, here] = [journal.split(' '), now.split(' ')]
  return (
    then.length === here.length &&
    then.every((word, index) => word === here[index] || (index === 1 && here[index] === ''))
  )
}

/** Files, services and modules outlast what others do to a network; uplinks have a keeper of their own. */
const NOT_KEPT: readonly Resource['kind'][] = ['file', 'service', 'boot', 'module']

/** All that the description wanted and that somebody could change: pure. */
export function promisedBy({ steps, already = [] }: Journal): Resource[] {
  return [...steps.map(({ resource }) => resource), ...already].filter(
    ({ kind, uplink }) => !NOT_KEPT.includes(kind) && uplink === undefined,
  )
}
