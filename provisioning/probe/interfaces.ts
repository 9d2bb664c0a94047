/** Interfaces, their addresses and the next hops of the default routes over them, as iproute2 tells. */
import { z } from 'zod'
import type { Runner } from '../../src/exec.js'
import type { HostFacts, InterfaceFacts } from '../facts.js'
import { actionName } from '../linux/rule.js'
import { askJson } from './json.js'

const links = z.array(
  z.object({
    ifindex: z.int(),
    ifname: z.string(),
    flags: z.array(z.string()),
    address: z.string().optional(),
    link_type: z.string().optional(),
    addr_info: z.array(
      z.object({
        family: z.enum(['inet', 'inet6']).or(z.string()),
        local: z.string().optional(),
        prefixlen: z.int().optional(),
        scope: z.string().optional(),
        temporary: z.boolean().optional(),
        deprecated: z.boolean().optional(),
        tentative: z.boolean().optional(),
        dadfailed: z.boolean().optional(),
      }),
    ),
  }),
)
type Link = z.output<typeof links>[number]

const routes = z.array(
  z.object({
    dst: z.string(),
    gateway: z.string().optional(),
    via: z.object({ host: z.string() }).optional(),
    dev: z.string().optional(),
    metric: z.int().optional(),
    nexthops: z.array(z.object({ gateway: z.string().optional(), dev: z.string() })).optional(),
    type: z.string().optional(),
  }),
)
type Routes = z.output<typeof routes>

const rules = z.array(
  z.object({ priority: z.int(), table: z.coerce.number().optional(), action: z.string().optional() }),
)

/** @throws {MptkError} MPTK_EXEC */
export async function readInterfaces(runner: Runner): Promise<InterfaceFacts[]> {
  const [all, ipv4, ipv6] = await Promise.all([
    // the empty objects are interfaces without an address of the family asked for
    askJson(runner, ['ip', '-j', 'address', 'show'], links),
    askJson(runner, ['ip', '-j', '-4', 'route', 'show', 'default'], routes),
    askJson(runner, ['ip', '-j', '-6', 'route', 'show', 'default'], routes),
  ])
  return all.map((link) => interfaceFacts(link, ipv4, ipv6))
}

function interfaceFacts(link: Link, ipv4: Routes, ipv6: Routes): InterfaceFacts {
  const { ifindex, ifname, flags, address } = link
  const gateway4 = gatewayOver(ifname, ipv4)
  const gateway6 = gatewayOver(ifname, ipv6)
  return {
    index: ifindex,
    name: ifname,
    up: flags.includes('UP'),
    carrier: flags.includes('LOWER_UP'),
    loopback: flags.includes('LOOPBACK'),
    ...(link.link_type === 'ether' && address !== undefined && { mac: address.toLowerCase() }),
    addresses: link.addr_info.flatMap((each) => {
      if (each.local === undefined || each.prefixlen === undefined || each.scope !== 'global') return []
      if ([each.temporary, each.deprecated, each.tentative, each.dadfailed].includes(true)) return []
      const family = each.family === 'inet6' ? 6 : 4
      return [{ family, address: each.local, prefixLength: each.prefixlen }]
    }),
    gateways: {
      ...(gateway4 !== undefined && { 4: gateway4 }),
      ...(gateway6 !== undefined && { 6: gateway6 }),
    },
  }
}

/** The next hop of the best default route over an interface, null for one without; undefined without a route. */
function gatewayOver(device: string, defaults: Routes): string | null | undefined {
  const hops = defaults
    .filter(({ type }) => type === undefined || type === 'unicast')
    .flatMap(({ gateway, via, dev, metric = 0, nexthops }) => [
      ...(dev === undefined ? [] : [{ gateway: gateway ?? via?.host, dev, metric }]),
      ...(nexthops ?? []).map((each) => ({ ...each, metric })),
    ])
    .filter(({ dev }) => dev === device)
    .sort((a, b) => a.metric - b.metric)
  const [best] = hops
  return best === undefined ? undefined : (best.gateway ?? null)
}

/** @throws {MptkError} MPTK_EXEC */
export async function readRules(runner: Runner): Promise<HostFacts['rules']> {
  const [ipv4, ipv6] = await Promise.all(
    (['-4', '-6'] as const).map((family) =>
      askJson(runner, ['ip', '-N', '-j', family, 'rule', 'show'], rules),
    ),
  )
  const ofFamily = (family: 4 | 6, found: z.output<typeof rules> = []): HostFacts['rules'] =>
    found.map(({ priority, table = 0, action = '' }) => ({
      ...{ family, priority, table },
      ...(actionName(action) === 'unreachable' && { unreachable: true as const }),
    }))
  return [...ofFamily(4, ipv4), ...ofFamily(6, ipv6)]
}
