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
const folder = z
  .string()
  .regex(/^(\/[A-Za-z0-9_.-]+)+$/, 'expected the absolute path of a folder, of letters, digits, - _ and .')
const table = z.int().min(1).max(4294967295)

const linkEnd = z.strictObject({
  node: nodeName,
  /** For hosts only; Mininet names the ports of switches. */
  interface: interfaceName.optional(),
  addresses: z.array(prefix).optional(),
})

const percent = z.number().min(0).max(100)
const milliseconds = z.number().min(0).max(10_000)

const linkSettings = {
  /** Mbit/s, Ethernet headers included; without it and without a trace the link is unlimited. */
  rate: z.number().min(0.01).max(1000).optional(),
  /** File of delivery opportunities (Mahimahi format) in place of a rate; relative to the working directory. */
  trace: z.string().min(1).optional(),
  /** Frames that wait before the next is dropped; 100 unless given. */
  queue: z.int().min(1).max(100_000).optional(),
  /** Bytes that wait, in place of `queue`. */
  queueBytes: z.int().min(1514).max(1_000_000_000).optional(),
  /** One way, ms. */
  delay: milliseconds.optional(),
  /** Largest deviation from the delay (uniform), or its standard deviation (normal); ms, at most the delay. */
  jitter: milliseconds.optional(),
  jitterModel: z.enum(['uniform', 'normal']).optional(),
  /** Percent of the packets, each by itself. */
  loss: percent.optional(),
  /**
   * Gilbert–Elliott in place of `loss`: chances in percent, for each packet, to go from the good
   * state to the bad (p) and back (r), and to be lost in each (100 and 0 unless given).
   */
  burstLoss: z
    .strictObject({ p: percent, r: percent, inBad: percent.optional(), inGood: percent.optional() })
    .optional(),
}
const directionSettings = z.strictObject(linkSettings)

const link = z.strictObject({
  name,
  /** `link(...).down()` takes this end's interface down. */
  a: linkEnd,
  b: linkEnd,
  mtu: z.int().min(576).max(65_521).optional(),
  /**
   * What emulates the link. Unless given: `htb` when rate and queue are all, else `netem` where the
   * kernel has it and can do what is asked, else `linkem`.
   */
  emulator: z.enum(['htb', 'netem', 'linkem']).optional(),
  /** Both directions; `aToB` and `bToA` add to these or replace them for one. */
  ...linkSettings,
  aToB: directionSettings.optional(),
  bToA: directionSettings.optional(),
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
  /**
   * Folders of the machine, as `/etc`, that the host sees and may change for itself: what it writes
   * there nobody else sees, and it is gone with the lab.
   */
  privateFolders: z.array(folder).optional(),
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
/** What a link does to the packets of one direction. */
export type LinkSettings = z.infer<typeof directionSettings>

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
