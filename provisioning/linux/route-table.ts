/** A whole routing table of ours: whatever else is in it goes away. */
import { plainAddress } from '../../src/address.js'
import type { Command, RouteEntry, RouteTableResource } from '../resource.js'
import { command, forgiving } from './commands.js'
import type { Driver, Json } from './driver.js'

/** A route as the kernel has it, without what is the same for all of ours. */
export interface RouteFound extends Record<string, Json> {
  to: string
  type: string
  via: string | null
  device: string | null
  source: string | null
  /** 0: none said. */
  metric: number
  /** What no route of ours has, e.g. several next hops. */
  other: Record<string, Json> | null
}
export type RouteTableState = RouteFound[]

/** What IPv6 gives a route that names no metric (IP6_RT_PRIO_USER). */
const IPV6_METRIC = 1024

const KNOWN = ['type', 'dst', 'gateway', 'dev', 'prefsrc', 'metric', 'protocol', 'scope', 'flags', 'pref']
/** Of a link that is down or of hardware: no property of the route. */
const FLEETING = ['dead', 'linkdown', 'offload', 'trap', 'rt_offload', 'rt_trap', 'pervasive']

/** `ip -d -j route show table N`. */
export function parseRoutes(text: string, family: 4 | 6): RouteTableState {
  if (text.trim() === '') return []
  return (JSON.parse(text) as Record<string, Json>[]).map((route) => {
    const string = (key: string) => (typeof route[key] === 'string' ? route[key] : null)
    const type = string('type') ?? 'unicast'
    const flags = Array.isArray(route['flags']) ? route['flags'].map(String) : []
    const other = Object.fromEntries(Object.entries(route).filter(([key]) => !KNOWN.includes(key)))
    const lasting = flags.filter((flag) => !FLEETING.includes(flag))
    if (lasting.length > 0) other['flags'] = lasting
    return canonical(
      {
        to: string('dst') ?? '',
        type,
        via: string('gateway'),
        device: string('dev'),
        source: string('prefsrc'),
        metric: typeof route['metric'] === 'number' ? route['metric'] : 0,
        other: Object.keys(other).length === 0 ? null : other,
      },
      family,
    )
  })
}

function wantedOf(entry: RouteEntry, family: 4 | 6): RouteFound {
  return canonical(
    {
      to: entry.to,
      type: entry.type ?? 'unicast',
      via: entry.via ?? null,
      device: entry.device ?? null,
      source: entry.source ?? null,
      metric: entry.metric ?? 0,
      other: null,
    },
    family,
  )
}

function canonical(route: RouteFound, family: 4 | 6): RouteFound {
  const [address = '', length] = route.to.split('/')
  const whole = length === (family === 4 ? '32' : '128')
  const everything = /^(0\.0\.0\.0|::)\/0$/.test(route.to)
  const plain = address === 'default' ? address : plainAddress(address)
  return {
    ...route,
    to: everything ? 'default' : length === undefined || whole ? plain : `${plain}/${length}`,
    via: route.via === null ? null : plainAddress(route.via),
    // IPv6 shows lo for routes that lead nowhere
    device: route.type === 'unreachable' || route.type === 'blackhole' ? null : route.device,
    source: route.source === null ? null : plainAddress(route.source),
    metric: family === 6 && route.metric === 0 ? IPV6_METRIC : route.metric,
  }
}

function say({ to, type, via, device, source, metric, other }: RouteFound): string {
  return [
    ...(type === 'unicast' ? [] : [type]),
    to,
    ...(via === null ? [] : ['via', via]),
    ...(device === null ? [] : ['dev', device]),
    ...(source === null ? [] : ['src', source]),
    ...(metric === 0 ? [] : ['metric', `${metric}`]),
    ...(other === null ? [] : [JSON.stringify(other)]),
  ].join(' ')
}

function replace(route: RouteFound, { family, table }: RouteTableResource): Command {
  const words = say({ ...route, other: null }).split(' ')
  return command('ip', `-${family}`, 'route', 'replace', ...words, 'table', `${table}`, 'proto', 'static')
}

/** Two routes of one table differ in destination or metric; a second one replaces the first. */
const key = ({ to, metric }: RouteFound) => `${to} ${metric}`

/** The kernel finds the interface of a gateway by itself where none is said. */
function isThere(state: RouteTableState, route: RouteFound): boolean {
  return state.some((each) => say(route.device === null ? { ...each, device: null } : each) === say(route))
}

export const routeTableDriver: Driver<RouteTableResource, RouteTableState> = {
  kind: 'route-table',
  async probe({ runner }, { family, table }) {
    // an error when nothing was ever in the table
    const { stdout, exitCode } = await runner.run(
      ['ip', '-d', '-j', `-${family}`, 'route', 'show', 'table', `${table}`],
      { reject: false },
    )
    const routes = exitCode === 0 ? parseRoutes(stdout, family) : []
    return routes.length === 0 ? null : routes
  },
  satisfied(state, { family, routes }) {
    const now = state ?? []
    return now.length === routes.length && routes.every((each) => isThere(now, wantedOf(each, family)))
  },
  conflict(state, resource) {
    if (state === null || this.satisfied(state, resource)) return undefined
    const { table, family } = resource
    return `routing table ${table} (IPv${family}) holds routes of somebody else: ${state.map(say).join(', ')}`
  },
  apply(state, resource) {
    const { family, table } = resource
    const wanted = resource.routes.map((each) => wantedOf(each, family))
    const now = state ?? []
    const missing = wanted.filter((route) => !isThere(now, route))
    const kept = new Set(wanted.map(key))
    const extra = now.filter((each) => !kept.has(key(each)))
    return [
      ...missing.map((route) => replace(route, resource)),
      ...extra.map(({ to, type, metric }) =>
        command(
          ...['ip', `-${family}`, 'route', 'delete', ...(type === 'unicast' ? [] : [type]), to],
          ...(metric === 0 ? [] : ['metric', `${metric}`]),
          ...['table', `${table}`],
        ),
      ),
    ]
  },
  restore: (state, resource) => [
    forgiving('ip', `-${resource.family}`, 'route', 'flush', 'table', `${resource.table}`),
    ...(state ?? []).map((route) => replace(route, resource)),
  ],
  describe: (state, { family, routes }) => ({
    from: state === null ? 'empty' : state.map(say).join(', '),
    to: routes.map((each) => say(wantedOf(each, family))).join(', '),
  }),
}
