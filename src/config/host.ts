/**
 * What the host itself shall be: its uplinks, what the kernel's MPTCP does with them, and the
 * set-up it plays a part in. `mptk plan` and `mptk apply` bring it about, `mptk run` keeps it
 * right while uplinks come and go. Needs no privilege to be read.
 */
import { z } from 'zod'
import { familyOf } from '../address.js'
import {
  destinationPattern,
  interfaceName,
  kernelName,
  line,
  oneOrMore,
  portRange,
  prefix,
  wholeNumber,
} from './values.js'

const address = z
  .string('expected an IP address')
  .refine((value) => familyOf(value) !== 0, 'expected an IP address')

/**
 * - `normal`: carries traffic.
 * - `backup`: carries traffic when no normal one can (MP_PRIO backup).
 * - `metered`: as backup, and nothing but MPTCP subflows is ever routed over it by us.
 * - `off`: no subflow, no route of ours.
 */
const uplink = z.strictObject({
  role: z.enum(['normal', 'backup', 'metered', 'off']).default('normal'),
  /** Next hop; found from the host's own default route over this interface unless given. */
  gateway: oneOrMore(address).optional(),
})

const mptcp = z
  .strictObject({
    /**
     * `default`: accepts further subflows, opens none. `fullmesh`: a subflow from every uplink to
     * every address of the peer. `ndiffports`: several subflows over the same path. `binder`:
     * loose source routing over `binderGateways` (out-of-tree kernels only).
     */
    pathManager: z.enum(['default', 'fullmesh', 'ndiffports', 'binder']).default('fullmesh'),
    /** `ndiffports` only: subflows per connection. */
    subflowsPerConnection: wholeNumber(2, 8).optional(),
    binderGateways: oneOrMore(address).optional(),
    /** The system's scheduler: `default`, `roundrobin`, `redundant`, `blest`, `ecf` where the kernel has them. */
    scheduler: kernelName.optional(),
    /** The system's congestion control: `cubic`, `lia`, `olia`, `balia`, `wvegas`, `bbr`, `reno` …; services have their own key. */
    congestion: kernelName.optional(),
    /** Subflows per connection besides the first, and addresses of the peer taken up; the kernel's most is 8. */
    limits: z
      .strictObject({ subflows: wholeNumber(0, 8).default(8), addAddrAccepted: wholeNumber(0, 8).default(8) })
      .prefault({}),
    /** Tell peers about the addresses of the uplinks (ADD_ADDR), as servers do. */
    announce: z.boolean().default(false),
  })
  .prefault({})

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i

const lan = z.strictObject({
  /** Interfaces behind which the LAN's hosts are. */
  interfaces: oneOrMore(interfaceName),
  /** How TCP of the LAN gets into the transparent service. */
  intercept: z.enum(['redirect', 'tproxy']).default('redirect'),
  /** What is not TCP and so never goes through the proxy: `direct` out of the best uplink, or `refuse`. */
  others: z.enum(['direct', 'refuse']).default('direct'),
  /** What is left alone: goes out by itself, masqueraded. */
  exclude: z
    .strictObject({
      destinations: z.array(prefix).default([]),
      ports: z.array(portRange).default([]),
      /** Devices of the LAN, by address, prefix or MAC address. */
      devices: z
        .array(
          z.union(
            [z.string().regex(MAC), prefix],
            'expected an IP address, prefix or MAC address of a device',
          ),
        )
        .default([]),
      /** Names; takes effect for hosts that ask this router's DNS. */
      domains: z.array(destinationPattern).default([]),
    })
    .prefault({}),
  /** A caching DNS server for the LAN on its interfaces' addresses, asking these servers. */
  dns: z.strictObject({ servers: oneOrMore(address) }).optional(),
})

/**
 * Of the network only: others make the kernel run programs (kernel.core_pattern), or undo the
 * protection of whole hosts. A slash stands for a dot in an interface's name, and two alone would
 * lead to the folder above.
 */
const A_SYSCTL = 'expected the full name of a sysctl of the network, as net.ipv4.tcp_rmem'
const sysctlName = z.string().regex(/^net(\.(?!\/{1,2}(?:\.|$))[\p{L}\p{N}_/+@~-]+)+$/u, A_SYSCTL)

export const host = z.strictObject({
  setup: z.enum(['client', 'router', 'reverse', 'proxy']),
  /** Ways out, best first. */
  uplinks: z.record(interfaceName, uplink).default({}),
  mptcp,
  /** `setup: router` only. */
  lan: lan.optional(),
  /** `setup: reverse` only: names that DNS shall answer with this proxy's addresses. */
  sites: z.array(destinationPattern).default([]),
  /** `setup: reverse` only: the proxy's addresses as clients see them; the listeners' own unless given. */
  publicAddresses: z.array(address).default([]),
  /** Further sysctls of the network, by full name. */
  sysctls: z.record(sysctlName, z.union([line, z.int()]).transform(String)).default({}),
  /** Where our routing tables, rule priorities and endpoint ids begin; change them when somebody else uses these. */
  numbers: z
    .strictObject({
      table: wholeNumber(1, 0xfffffff0).default(5200),
      priority: wholeNumber(1, 32_000).default(5200),
      endpoint: wholeNumber(1, 231).default(200),
    })
    .prefault({}),
  /** What runs the services: `systemd` where it runs, else `none`, which starts them as plain background processes. */
  manager: z.enum(['auto', 'systemd', 'none']).default('auto'),
})

export type HostConfig = z.output<typeof host>
export type UplinkConfig = HostConfig['uplinks'][string]
export type UplinkRole = UplinkConfig['role']
export type LanConfig = NonNullable<HostConfig['lan']>
export type HostMptcpConfig = HostConfig['mptcp']
