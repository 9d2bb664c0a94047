/** The present state of many resources at once. */
import { isDeepStrictEqual } from 'node:util'
import { driverOf } from './driver-of.js'
import type { DriverTable, Json, Place } from './linux/driver.js'
import type { Resource } from './resource.js'

/** Commands at a time: as many as fit into one ssh connection (MaxSessions 10) beside the lock's. */
const CONCURRENCY = 6

/** In the order of `resources`, as it would come back from the journal; null for what only root may read. @throws {MptkError} MPTK_EXEC */
export async function probeAll(
  resources: readonly Resource[],
  table: DriverTable,
  place: Place,
): Promise<(Json | null)[]> {
  const states: (Json | null)[] = resources.map(() => null)
  const queue = resources.entries()
  const worker = async (): Promise<void> => {
    for (const [index, resource] of queue) {
      try {
        states[index] = plain(await driverOf(table, resource).probe(place, resource))
      } catch (error) {
        if (place.unprivileged === undefined) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  return states
}

/** Keys without a value are no part of JSON. */
function plain(state: Json | null): Json | null {
  return JSON.parse(JSON.stringify(state)) as Json
}

export function sameState(a: Json | null, b: Json | null): boolean {
  return isDeepStrictEqual(a, b)
}
