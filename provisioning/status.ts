/** What is applied, and whether it still is so. */
import { driverOf } from './driver-of.js'
import type { EnginePlace } from './engine-place.js'
import { stillStanding } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { probeAll } from './probe-all.js'
import { readState, type HostState } from './state-folder.js'

/**
 * `drift`: not as applied. `live`: not as applied, but of an uplink, which `mptk run` changes as
 * it comes and goes. `gone`: of the kernel, and from before a reboot. `changed`: as applied, from files
 * that have changed since.
 */
export type ResourceStatus = 'ok' | 'drift' | 'live' | 'gone' | 'changed'

export interface HostReport {
  config: string
  /**
   * `applying`: under way, or broken off: undone unless it goes on. `waiting`: will be undone unless
   * confirmed. `unguarded`: the same, but what was to undo it runs no more: confirm keeps it,
   * revert undoes it. `interrupted`: apply, revert mend it.
   */
  state: 'applied' | 'applying' | 'waiting' | 'unguarded' | 'interrupted'
  /** Until it is undone: `applying` and `waiting` only. */
  seconds?: number
  /** Who undoes it, or should have: `unit mptk-undo-….service`, `process 4711`. */
  guard?: string
  /** Rebooted (or another network namespace) since. */
  rebooted: boolean
  resources: {
    id: string
    status: ResourceStatus
    wanted?: string
    found?: string
    /** `changed` only. */
    files?: string[]
  }[]
}

/** Undefined when nothing is applied. @throws {MptkError} MPTK_JOURNAL, MPTK_EXEC */
export async function status(table: DriverTable, place: EnginePlace): Promise<HostReport | undefined> {
  const state = await readState(place)
  if (state === undefined) return undefined
  const { journal, waiting } = state
  const standing = new Set(stillStanding(journal.steps, journal.epoch, place))
  const states = await probeAll(
    journal.steps.map(({ resource }) => resource),
    table,
    place,
  )
  return {
    config: journal.config,
    state: stateOf(state),
    ...(waiting === undefined ? {} : { guard: waiting.guard }),
    ...(waiting?.guarded === true ? { seconds: Math.max(0, waiting.seconds) } : {}),
    rebooted: journal.epoch !== place.epoch,
    resources: await Promise.all(
      journal.steps.map(async (step, index) => {
        const { id, resource } = step
        const driver = driverOf(table, resource)
        const found = states[index] ?? null
        if (driver.satisfied(found, resource)) return { id, status: 'ok' }
        const { from, to } = driver.describe(found, resource)
        const live = resource.uplink !== undefined
        const files = (await driver.changedFiles?.(place, found, resource)) ?? []
        if (files.length > 0) return { id, status: 'changed', wanted: to, found: from, files }
        const status = !standing.has(step) ? 'gone' : live ? 'live' : 'drift'
        return { id, status, wanted: to, found: from }
      }),
    ),
  }
}

function stateOf({ interrupted, waiting, journal }: HostState): HostReport['state'] {
  if (interrupted) return 'interrupted'
  if (waiting === undefined) return 'applied'
  if (journal.state === 'applying') return waiting.guarded ? 'applying' : 'interrupted'
  return waiting.guarded ? 'waiting' : 'unguarded'
}

/** All of it is as applied, and stays so. */
export function isWell({ state, resources }: HostReport): boolean {
  return state === 'applied' && resources.every(({ status }) => status === 'ok' || status === 'live')
}
