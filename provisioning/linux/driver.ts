/** How one kind of resource is read, brought about and put back. One file per kind implements it. */
import type { Runner } from '../../src/exec.js'
import type { Command, Resource, ResourceKind } from '../resource.js'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What a driver may know of where it works. */
export interface Place {
  runner: Runner
  /** Has systemd as its first process. */
  systemd: boolean
  /** Folder of our own for the journal, process records and outputs, e.g. `/var/lib/mptk`. */
  state: string
  /** Where we are not root: only read, and what root alone may read counts as not there. */
  unprivileged?: {
    /** Whether the folder of the journal can be looked into. */
    journal: boolean
  }
}

/**
 * `State` is what of the host the resource stands for, all of it, so that `restore` can bring back
 * exactly that; null when there is nothing of that name. It goes into the journal as JSON.
 */
export interface Driver<R extends Resource, State extends Json> {
  readonly kind: R['kind']
  /** Reads only. @throws {MptkError} MPTK_EXEC */
  probe(place: Place, resource: R): Promise<State | null>
  /** Whether `state` is what the resource wants. */
  satisfied(state: State | null, resource: R): boolean
  /**
   * Why this must not be applied here though nothing is wrong with the description: somebody
   * else's thing of the same name. Undefined when free to go.
   */
  conflict?(state: State | null, resource: R): string | undefined
  /** Commands from `state` to the resource. */
  apply(state: State | null, resource: R, place: Place): Command[]
  /**
   * Commands back to `state` from wherever the host is now: done, half-way, or not begun. Each
   * must succeed then too (it may be run through `sh -c '… || true'` where a tool cannot say so).
   * They must work without mptk: the journal's undo script is made of them.
   */
  restore(state: State | null, resource: R, place: Place): Command[]
  /** `state` as it will be once the resources of these ids have changed: what was started with a file that then differs. */
  after?(state: State | null, resource: R, changed: ReadonlySet<string>): State | null
  /**
   * Files that it was started with and that have changed since, where nothing else is different: it
   * is as it was applied, and somebody has to apply again. Empty for any other difference.
   */
  changedFiles?(place: Place, state: State | null, resource: R): Promise<string[]>
  /** Whether `state` is `previous` again; where it is missing, they must be equal. */
  restored?(state: State | null, previous: State | null): boolean
  /** `0 → 1`, `absent → 10.0.1.2 dev wlan subflow`: for people. Without secrets. */
  describe(state: State | null, resource: R): { from: string; to: string }
}

/** Every kind's driver, one each; `drivers.ts` has the table. */
export type DriverTable = { [Kind in ResourceKind]: Driver<Extract<Resource, { kind: Kind }>, Json> }
