/** The part of what is kept that netlink sets without any command: rules, routes and endpoints. Pure. */
import { resourceId, type Resource } from '../resource.js'
import type { UplinkNumbers } from '../uplinks/numbers.js'
import type { Step } from '../uplinks/steps.js'
import type { Kept } from './mending.js'

export interface KeptNetwork {
  resources: readonly Resource[]
  /** Numbers of these resources: what else has them is in their place. */
  ours: UplinkNumbers
}

export function keptNetwork(all: readonly Resource[]): KeptNetwork {
  const of = <Kind extends Resource['kind']>(kind: Kind) =>
    all.filter((each): each is Extract<Resource, { kind: Kind }> => each.kind === kind)
  const [rules, tables, endpoints] = [of('rule'), of('route-table'), of('endpoint')]
  return {
    resources: [...rules, ...tables, ...endpoints],
    ours: {
      priorities: new Set(rules.map(({ priority }) => priority)),
      tables: new Set(tables.map(({ table }) => table)),
      endpoints: new Set(endpoints.map(({ id }) => id)),
    },
  }
}

export function keptResource(resource: Resource): Kept {
  const urgent =
    resource.kind === 'nft-table' || (resource.kind === 'rule' && resource.action === 'unreachable')
  return { id: resourceId(resource), kind: resource.kind, urgent }
}

/** What closes a way comes first; all else stays in its order. */
export function closingFirst(steps: readonly Step[]): Step[] {
  const closes = (step: Step): boolean =>
    (step.do === 'add rule' && step.rule.action === 'unreachable') ||
    (step.do === 'put route' && (step.route.type === 'unreachable' || step.route.type === 'blackhole'))
  return [...steps.filter(closes), ...steps.filter((step) => !closes(step))]
}
