/** What is applied, and whether it still is so. */
import { driverOf } from './driver-of.js'
import type { EnginePlace } from './engine-place.js'
import { stillStanding } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { probeAll } from './probe-all.js'
import { readState } from './state-folder.js'

/**
 * `drift`: not as applied. `live`: not as applied, but of an uplink, which `mptk run` changes as
 * it comes and goes. `gone`: of the kernel, and from before a reboot.
 */
export type ResourceStatus = 'ok' | 'drift' | 'live' | 'gone'

export interface HostReport {
  config: string
  /** `waiting`: will be undone unless confirmed. `interrupted`: apply, revert mend it. */
  state: 'applied' | 'waiting' | 'interrupted'
  /** `waiting` only. */
  seconds?: number
  /** Rebooted (or another network namespace) since. */
  rebooted: boolean
  resources: { id: string; status: ResourceStatus; wanted?: string; found?: string }[]
}

/** Undefined when nothing is applied. @throws {MptkError} MPTK_JOURNAL, MPTK_EXEC */
export async function status(table: DriverTable, place: EnginePlace): Promise<HostReport | undefined> {
  const state = await readState(place)
  if (state === undefined) return undefined
  const { journal, interrupted, waiting } = state
  const standing = new Set(stillStanding(journal.steps, journal.epoch, place))
  const states = await probeAll(
    journal.steps.map(({ resource }) => resource),
    table,
    place,
  )
  return {
    config: journal.config,
    state: interrupted ? 'interrupted' : waiting === undefined ? 'applied' : 'waiting',
    ...(waiting === undefined ? {} : { seconds: waiting.seconds }),
    rebooted: journal.epoch !== place.epoch,
    resources: journal.steps.map((step, index) => {
      const { id, resource } = step
      const driver = driverOf(table, resource)
      const found = states[index] ?? null
      if (driver.satisfied(found, resource)) return { id, status: 'ok' }
      const { from, to } = driver.describe(found, resource)
      const live = resource.uplink !== undefined
      const status = !standing.has(step) ? 'gone' : live ? 'live' : 'drift'
      return { id, status, wanted: to, found: from }
    }),
  }
}

/** All of it is as applied, and stays so. */
export function isWell({ state, resources }: HostReport): boolean {
  return state === 'applied' && resources.every(({ status }) => status === 'ok' || status === 'live')
}
