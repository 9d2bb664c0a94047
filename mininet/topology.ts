/**
 * A lab's topology as data: what lab.py builds. The same fields are checked in lab_topology.py,
 * which also takes topologies without this driver.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { MptkError } from '../src/errors.js'

// The kernel's limit is 15 characters; Mininet names a switch's ports NAME-eth1 and on.
const nodeName = z.string().regex(/^[a-z][a-z0-9-]{0,8}$/, 'expected a name of 1 to 9 of a-z, 0-9 and -')
const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a name of 1 to 32 of a-z, 0-9 and -')
const interfaceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'expected an interface name of at most 15 characters')
const address = z.string().refine((text) => isIP(text) !== 0, 'expected an IP address')

function isPrefix(text: string): boolean {
  const [ip = '', length = '', ...rest] = text.split('/')
  const bits = isIP(ip) === 4 ? 32 : 128
  return isIP(ip) !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits && rest.length === 0
}

const prefix = z.string().refine(isPrefix, 'expected an address with a prefix length (as 10.0.1.2/24)')
const table = z.int().min(1).max(4294967295)

const linkEnd = z.strictObject({
  node: nodeName,
  /** For hosts only; Mininet names the ports of switches. */
  interface: interfaceName.optional(),
  addresses: z.array(prefix).optional(),
})

const link = z.strictObject({
  name,
  /** `link(...).down()` takes this end's interface down. */
  a: linkEnd,
  b: linkEnd,
  /** Mbit/s in each direction, Ethernet headers included; without it the link is unlimited. */
  rate: z.number().min(0.01).max(1000).optional(),
  /** Frames that wait in each direction before the next is dropped; 100 unless given. */
  queue: z.int().min(1).max(100_000).optional(),
  mtu: z.int().min(576).max(65_535).optional(),
  /** One-way delay in ms and loss in percent, each direction; refused where the kernel has no netem. */
  delay: z.number().min(0).max(10_000).optional(),
  loss: z.number().min(0).max(100).optional(),
})

const route = z.strictObject({
  to: z.union([z.literal('default'), prefix]),
  via: address.optional(),
  /** Found from `via` and the host's addresses unless given. */
  interface: interfaceName.optional(),
  table: table.optional(),
  metric: z.int().min(0).max(4294967295).optional(),
})

const endpoint = z.strictObject({
  address,
  interface: interfaceName.optional(),
  flags: z.array(z.enum(['signal', 'subflow', 'backup', 'fullmesh'])),
  port: z.int().min(1).max(65_535).optional(),
  id: z.int().min(1).max(255).optional(),
})

const host = z.strictObject({
  name: nodeName,
  /** Forwards IPv4 and IPv6. */
  router: z.boolean().optional(),
  sysctls: z.record(z.string(), z.union([z.int(), z.string()])).optional(),
  routes: z.array(route).optional(),
  /** Source routing: packets from an address look up a table of their own. */
  rules: z
    .array(
      z.strictObject({
        from: z.union([address, prefix], 'expected an address or a prefix'),
        table,
        priority: z.int().min(1).max(32_765).optional(),
      }),
    )
    .optional(),
  mptcp: z
    .strictObject({
      limits: z
        .strictObject({ subflows: z.int().min(0).max(8), addAddrAccepted: z.int().min(0).max(8) })
        .optional(),
      endpoints: z.array(endpoint).optional(),
    })
    .optional(),
  /** Commands run in the host last, each of them a list of words. */
  commands: z.array(z.array(z.string()).min(1)).optional(),
})

const topologySchema = z.strictObject({
  name,
  description: z.string().optional(),
  hosts: z.array(host).min(1),
  switches: z.array(z.strictObject({ name: nodeName })).optional(),
  links: z.array(link),
})

export type Topology = z.infer<typeof topologySchema>
export type TopologyHost = z.infer<typeof host>
export type TopologyLink = z.infer<typeof link>

/** Checks a topology. @throws {MptkError} MPTK_LAB, naming the first wrong field by its path */
export function parseTopology(value: unknown): Topology {
  const parsed = topologySchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const path = issue?.path.join('.') ?? ''
    throw new MptkError('MPTK_LAB', `topology: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'wrong'}`)
  }
  const problem = findBrokenReference(parsed.data)
  if (problem !== undefined) throw new MptkError('MPTK_LAB', `topology: ${problem}`)
  return parsed.data
}

/** Names that stand for something: each defined once, each use defined. Gateways are lab.py's to check. */
function findBrokenReference(topology: Topology): string | undefined {
  const switches = topology.switches ?? []
  const nodes = [...topology.hosts, ...switches].map((node) => node.name)
  return (
    findRepeated(nodes, 'hosts and switches') ??
    findRepeated(
      topology.links.map((each) => each.name),
      'links',
    ) ??
    findBadEnd(topology, new Set(nodes), new Set(switches.map((each) => each.name)))
  )
}

function findRepeated(names: string[], where: string): string | undefined {
  const repeated = names.find((each, index) => names.indexOf(each) !== index)
  return repeated === undefined ? undefined : `${where}: ${repeated} is there twice`
}

function findBadEnd(topology: Topology, nodes: Set<string>, switches: Set<string>): string | undefined {
  const taken = new Set<string>()
  for (const [index, each] of topology.links.entries()) {
    for (const side of ['a', 'b'] as const) {
      const end = each[side]
      const path = `links.${index}.${side}`
      if (!nodes.has(end.node)) return `${path}.node: there is no host or switch ${end.node}`
      if (switches.has(end.node)) {
        if (end.interface === undefined && end.addresses === undefined) continue
        return `${path}: a switch's port takes neither interface nor addresses`
      }
      if (end.interface === undefined) return `${path}.interface: missing`
      const key = `${end.node} ${end.interface}`
      if (taken.has(key)) return `${path}.interface: ${end.node} has ${end.interface} already`
      taken.add(key)
    }
  }
  return undefined
}
