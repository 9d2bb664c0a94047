/** From what a host's uplinks shall be and what the kernel has to the steps between: pure. */
import type { Endpoint, EndpointFlag } from '../../src/kernel/kernel.js'
import { markText, routeMetric, type Route, type Rule } from '../../src/paths/routing-codec.js'
import type { EndpointResource, Resource, RouteTableResource, RuleResource } from '../resource.js'
import type { UplinkNumbers } from './numbers.js'

/** What of the kernel's state could be ours. */
export interface Network {
  endpoints: readonly Endpoint[]
  rules: readonly Rule[]
  routes: readonly Route[]
  /** Addresses that live MPTCP connections began from; undefined where the kernel does not tell. */
  sources: ReadonlySet<string> | undefined
  /** Addresses of endpoints that connections use whose first subflow is gone, as far as known. */
  headless?: ReadonlySet<string>
}

/** What of the past counts: addresses that live connections' first subflows were made to leave. */
export type Left = ReadonlySet<string>

export type Step =
  | { do: 'remove endpoint' | 'add endpoint'; endpoint: Endpoint }
  /** Only backup and fullmesh differ. */
  | { do: 'change endpoint'; endpoint: Endpoint }
  | { do: 'remove rule' | 'add rule'; rule: Rule }
  | { do: 'remove route' | 'put route'; route: Route }

export interface Steps {
  /** In the order in which they are taken: endpoints leave first and come last. */
  steps: Step[]
  /** Endpoints of somebody else that have an address of ours: left alone, and ours is not added. */
  foreign: Endpoint[]
  /** Some endpoint is less than was asked for until connections have ended. */
  reduced: boolean
  /** Keys (see {@link keyOf}) of all that is there once the steps are taken. */
  targets: ReadonlySet<string>
}

/** @param indexOf of an interface by its name; undefined when there is none (any more) */
export function stepsTo(
  wanted: readonly Resource[],
  now: Network,
  ours: UplinkNumbers,
  left: Left,
  indexOf: (device: string) => number | undefined,
): Steps {
  const routes = wanted
    .filter((each) => each.kind === 'route-table')
    .flatMap((each) => routesOf(each, indexOf))
  const rules = wanted.filter((each) => each.kind === 'rule').map(ruleOf)
  const endpoints = wanted.filter((each) => each.kind === 'endpoint').map((each) => endpointOf(each, indexOf))
  const endpointSteps = stepsOfEndpoints(endpoints, now, ours, left)
  return {
    steps: [
      ...endpointSteps.remove,
      ...missing(
        now.rules.filter(({ priority }) => ours.priorities.has(priority)),
        rules,
      ).map((rule): Step => ({ do: 'remove rule', rule })),
      ...stepsOfRoutes(
        routes,
        now.routes.filter(({ table }) => ours.tables.has(table)),
      ),
      ...missing(rules, now.rules).map((rule): Step => ({ do: 'add rule', rule })),
      ...endpointSteps.change,
      ...endpointSteps.add,
    ],
    foreign: endpointSteps.foreign,
    reduced: endpointSteps.reduced,
    targets: new Set([...routes, ...rules, ...endpointSteps.kept].map(canonical)),
  }
}

/** Names a rule, a route or an endpoint with all that it says: the same for steps and {@link Steps.targets}. */
export function keyOf(step: Step): string {
  return canonical('endpoint' in step ? step.endpoint : 'rule' in step ? step.rule : step.route)
}

/**
 * A first subflow that has gone stays in the connection's list, and Linux (6.18,
 * fill_remote_addresses_vec in net/mptcp/pm_kernel.c) takes it for one that is there: an endpoint
 * with `fullmesh` at its address gets no new subflow on such a connection, and one at another
 * address tries to reach its port, which is 0 by then; endpoints without `fullmesh` get one. So an
 * address comes back, or its subflows are opened again (lost-subflows.ts), without `fullmesh` while
 * such connections live. The endpoint gets the flag again when none of them is left.
 */
function stepsOfEndpoints(asked: readonly Endpoint[], network: Network, ours: UplinkNumbers, left: Left) {
  const now = network.endpoints
  const isSource = (address: string): boolean => network.sources?.has(address) !== false
  const wanted = asked.map((endpoint) => {
    const plain = { ...endpoint, flags: endpoint.flags.filter((flag) => flag !== 'fullmesh') }
    const stays = now.some((each) => canonical(each) === canonical(plain))
    const meets = (stays || left.has(endpoint.address)) && isSource(endpoint.address)
    const carries = stays && network.headless?.has(endpoint.address) === true
    return meets || carries ? plain : endpoint
  })
  const own = now.filter(({ id }) => ours.endpoints.has(id))
  const others = now.filter(
    ({ id, address }) => !ours.endpoints.has(id) && wanted.some((each) => each.address === address),
  )
  // the kernel makes these by itself where a peer found the address, and they bar ours (EINVAL)
  const implicit = others.filter(({ flags }) => flags.includes('implicit'))
  const foreign = others.filter(({ flags }) => !flags.includes('implicit'))
  const taken = new Set(foreign.map(({ address }) => address))
  const kept = wanted.filter(({ address }) => !taken.has(address))
  const changed = missing(kept, own).filter((each) => own.some((old) => isChange(old, each)))
  const changing = new Set(changed.map(({ id }) => id))
  return {
    kept,
    foreign,
    reduced: wanted.some((each, i) => each !== asked[i]),
    remove: [...missing(own, kept).filter(({ id }) => !changing.has(id)), ...implicit].map(
      (endpoint): Step => ({ do: 'remove endpoint', endpoint }),
    ),
    change: changed.map((endpoint): Step => ({ do: 'change endpoint', endpoint })),
    add: missing(kept, own)
      .filter(({ id }) => !changing.has(id))
      .map((endpoint): Step => ({ do: 'add endpoint', endpoint })),
  }
}

/** What the kernel changes in place; not fullmesh beside signal (EINVAL). */
const CHANGEABLE: readonly EndpointFlag[] = ['backup', 'fullmesh']

function isChange(old: Endpoint, wanted: Endpoint): boolean {
  const bare = (endpoint: Endpoint): string =>
    canonical({ ...endpoint, flags: endpoint.flags.filter((flag) => !CHANGEABLE.includes(flag)) })
  return bare(old) === bare(wanted) && !(wanted.flags.includes('signal') && old.flags.includes('fullmesh'))
}

/** New ones take the place of old ones with the same destination and metric, the others go then: no moment without. */
function stepsOfRoutes(wanted: readonly Route[], now: readonly Route[]): Step[] {
  const place = ({ family, table, to, metric }: Route): string => `${family} ${table} ${to} ${metric}`
  const places = new Set(wanted.map(place))
  return [
    ...missing(wanted, now).map((route): Step => ({ do: 'put route', route })),
    ...now.filter((route) => !places.has(place(route))).map((route): Step => ({ do: 'remove route', route })),
  ]
}

/** Those of `these` that are not in `those`. */
function missing<T extends object>(these: readonly T[], those: readonly T[]): T[] {
  const there = new Set(those.map(canonical))
  return these.filter((each) => !there.has(canonical(each)))
}

/** Neither the order of keys nor that of flags makes a difference. */
function canonical(value: object): string {
  const sorted = (part: unknown): unknown => (Array.isArray(part) ? part.toSorted() : part)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(entries.map(([key, part]) => [key, sorted(part)]))
}

function endpointOf(resource: EndpointResource, indexOf: (device: string) => number | undefined): Endpoint {
  const { id, address, port, device, flags } = resource
  const interfaceIndex = device === undefined ? 0 : (indexOf(device) ?? 0)
  return { id, address, interfaceIndex, flags, ...(port !== undefined && { port }) }
}

const IPPROTO = { tcp: 6 } as const

function ruleOf(resource: RuleResource): Rule {
  const { family, priority, table, from, to, mark, inputDevice, outputDevice } = resource
  const { protocol, suppressDefault, action } = resource
  const [value = 0, mask] = mark?.split('/').map(Number) ?? []
  return {
    family,
    priority,
    table,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(mark !== undefined && { mark: markText(value, mask) }),
    ...(inputDevice !== undefined && { inputDevice }),
    ...(outputDevice !== undefined && { outputDevice }),
    ...(protocol !== undefined && { protocol: IPPROTO[protocol] }),
    ...(suppressDefault === true && { suppressDefault }),
    ...(action !== undefined && { action }),
  }
}

function routesOf(resource: RouteTableResource, indexOf: (device: string) => number | undefined): Route[] {
  const { family, table } = resource
  return resource.routes.map(({ to, type = 'unicast', via, device, source, metric }) => {
    const index = device === undefined ? undefined : indexOf(device)
    return {
      family,
      table,
      to,
      type,
      ...(via !== undefined && { via }),
      ...(index !== undefined && { index }),
      ...(source !== undefined && { source }),
      metric: routeMetric(family, metric),
    }
  })
}
