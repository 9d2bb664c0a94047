/** What would have to be done to bring a description about, without doing any of it. */
import { MptkError } from '../src/errors.js'
import type { JournalStep } from './journal.js'
import type { DriverTable, Json, Place } from './linux/driver.js'
import { probeAll } from './probe-all.js'
import { driverOf } from './driver-of.js'
import { resourceId, type Command, type Description, type Resource } from './resource.js'

export interface Step {
  id: string
  resource: Resource
  why: string
  /** For people, without secrets. */
  from: string
  to: string
  commands: Command[]
  /** What there was when the plan was made. */
  previous: Json
}

export interface Plan {
  /** Of an earlier apply and no longer wanted: put back first, in this order. */
  obsolete: Step[]
  /** In the order in which they are applied. */
  steps: Step[]
  /** How many resources are as wanted already. */
  unchanged: number
  notes: string[]
  warnings: string[]
}

/**
 * @param standing what is applied already, in its order
 * @throws {MptkError} MPTK_HOST for a conflict with something that is not ours, MPTK_EXEC when a probe fails
 */
export async function makePlan(
  description: Description,
  table: DriverTable,
  place: Place,
  standing: readonly JournalStep[],
): Promise<Plan> {
  const { resources, notes, warnings } = description
  const wanted = new Map(resources.map((resource) => [resourceId(resource), resource]))
  if (wanted.size !== resources.length) {
    const twice = resources.map(resourceId).find((id, index, ids) => ids.indexOf(id) !== index)
    throw new MptkError('MPTK_HOST', `${twice ?? 'a resource'}: the description wants it twice`)
  }
  const ours = new Map(standing.map((step) => [step.id, step]))
  const gone = [...ours.values()].filter(({ id }) => !wanted.has(id)).reverse()
  const states = await probeAll([...resources, ...gone.map(({ resource }) => resource)], table, place)

  const steps: Step[] = []
  for (const [index, resource] of resources.entries()) {
    const driver = driverOf(table, resource)
    const found = states[index] ?? null
    const changed = new Set(steps.map((step) => step.id))
    const state = driver.after === undefined ? found : driver.after(found, resource, changed)
    if (driver.satisfied(state, resource)) continue
    const id = resourceId(resource)
    const conflict = ours.has(id) ? undefined : driver.conflict?.(state, resource)
    if (conflict !== undefined) throw new MptkError('MPTK_HOST', `${id}: ${conflict}`)
    steps.push({
      id,
      resource,
      why: resource.why,
      ...driver.describe(state, resource),
      commands: driver.apply(state, resource, place),
      previous: found,
    })
  }
  const obsolete = gone.map(({ id, resource, previous }, index): Step => {
    const driver = driverOf(table, resource)
    const state = states[resources.length + index] ?? null
    return {
      id,
      resource,
      why: 'no longer wanted: put back to what was there before',
      from: driver.describe(state, resource).from,
      to: driver.describe(previous, resource).from,
      commands: driver.restore(previous, resource, place),
      previous: state,
    }
  })
  return {
    obsolete,
    steps,
    unchanged: resources.length - steps.length,
    notes,
    warnings: [...(place.unprivileged === undefined ? [] : [READ_WITHOUT_ROOT]), ...warnings],
  }
}

export const READ_WITHOUT_ROOT =
  'read without root: what only root may read (the firewall, MPTCP endpoints, secret files, what is applied) is shown as absent'

export function isEmpty({ obsolete, steps }: Plan): boolean {
  return obsolete.length === 0 && steps.length === 0
}
