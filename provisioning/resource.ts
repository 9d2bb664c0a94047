/**
 * What a host is made of, as data: the contract between the set-ups, which say what shall be,
 * the drivers in linux/, which know how, and the engine, which applies and reverts.
 */
import type { EndpointFlag } from '../src/kernel/kernel.js'

/** One command a person could type. */
export interface Command {
  argv: readonly string[]
  /** Standard input, e.g. an nft script or a file's content. */
  input?: string
  /** The input must not be shown: it holds a secret. */
  secret?: boolean
  /**
   * The line a person would type in its place, given the same input: without the care and the
   * bookkeeping of the command itself. Empty where there is nothing else to it.
   */
  typed?: string
  /** What messages call it, where its own text says little. */
  name?: string
}

interface Common {
  /** One phrase, shown by `mptk plan`: why the set-up wants it. */
  why: string
  /** The uplink it belongs to: the keeper may change it while `mptk run` runs, so a difference is no drift. */
  uplink?: string
}

/** A kernel module, loaded. Left loaded on revert: others may use it by then. */
export interface ModuleResource extends Common {
  kind: 'module'
  name: string
}

/** `net.mptcp.enabled`, or a module's parameter as `module/mptcp_fullmesh/num_subflows`. */
export interface SysctlResource extends Common {
  kind: 'sysctl'
  name: string
  value: string
}

/** `ip mptcp limits`. */
export interface LimitsResource extends Common {
  kind: 'limits'
  subflows: number
  addAddrAccepted: number
}

/** `ip mptcp endpoint`; the id is ours, whatever address it holds. */
export interface EndpointResource extends Common {
  kind: 'endpoint'
  id: number
  address: string
  device?: string
  flags: EndpointFlag[]
  port?: number
}

/** One address of an interface, with prefix length. */
export interface AddressResource extends Common {
  kind: 'address'
  device: string
  address: string
}

/** A whole routing table of ours. */
export interface RouteTableResource extends Common {
  kind: 'route-table'
  family: 4 | 6
  table: number
  routes: RouteEntry[]
}
export interface RouteEntry {
  /** `default`, a prefix, or with `type` what is refused or local. */
  to: string
  type?: 'unicast' | 'local' | 'unreachable' | 'blackhole'
  via?: string
  device?: string
  /** Preferred source address. */
  source?: string
  metric?: number
}

/** A routing policy rule; family and priority are ours, whatever it says. */
export interface RuleResource extends Common {
  kind: 'rule'
  family: 4 | 6
  priority: number
  from?: string
  to?: string
  /** `0x1/0x1`; `0x0/0x1` for packets without that bit. */
  mark?: string
  inputDevice?: string
  outputDevice?: string
  protocol?: 'tcp'
  /** `lookup TABLE`, without the default route when `suppressDefault`. 0 with an `action`. */
  table: number
  suppressDefault?: boolean
  /** In the place of a lookup: senders are told that there is no way. */
  action?: 'unreachable'
  /** An early unit of ours sets it again at every boot: it stays ours after one. */
  atBoot?: boolean
}

/** A whole nftables table of ours; the script is what stands between its braces. */
export interface NftTableResource extends Common {
  kind: 'nft-table'
  family: 'inet' | 'ip' | 'ip6'
  table: string
  body: string
}

/** A persistent tun device. */
export interface TunResource extends Common {
  kind: 'tun'
  device: string
  mtu: number
}

/** Out-of-tree kernels: IFF_NOMULTIPATH and IFF_MPBACKUP of an interface. */
export interface MultipathFlagResource extends Common {
  kind: 'multipath-flag'
  device: string
  value: 'on' | 'off' | 'backup'
}

/** A file, whole. Parent folders are made (and removed again when we made them and they are empty). */
export interface FileResource extends Common {
  kind: 'file'
  path: string
  /** `0644` */
  mode: string
  content: string
  secret?: boolean
}

/**
 * A program that runs for good: a systemd unit, enabled and started; or, without systemd, a plain
 * background process with its output in a file.
 */
export interface ServiceResource extends Common {
  kind: 'service'
  /** `mptk`, `mptk-dns`: unit name without `.service`. */
  name: string
  argv: readonly string[]
  /** Sockets that show it is ready. */
  listens: readonly { protocol: 'tcp' | 'udp'; address: string; port: number }[]
  /** Files whose change means it must be restarted: their content is part of what it is. */
  restartOn: readonly string[]
  capabilities: readonly string[]
  /** A background process although systemd runs. */
  manager?: 'none'
  /** Where systemd runs: as a user of its own, whom systemd hands the files of `restartOn`. */
  ownUser?: boolean
  /** Sysctls of the network are its to write. */
  writesSysctls?: boolean
  /** A folder of its own in /run that everybody may look into, by name. */
  runtimeFolder?: string
  /** Services that start before it. */
  after?: readonly string[]
  /** What it may set while it runs and does not take away itself. */
  leaves?: readonly LeftBehind[]
}

/** Its number is ours (uplinks/numbers.ts), whatever stands there. */
export type LeftBehind =
  { kind: 'endpoint'; id: number } | { kind: 'rule' | 'table'; family: 4 | 6; number: number }

interface BootCommon extends Common {
  kind: 'boot'
  /** Unit name without `.service`. */
  name: string
  argv: readonly string[]
}

/** Before any interface is up. */
export interface EarlyBoot extends BootCommon {
  early: true
}

/** When the network is there. */
export interface LateBoot extends BootCommon {
  early?: false
  /** Folder of the journal. */
  state: string
}

/** A command that systemd runs at every boot: most of what is set is gone after one. */
export type BootResource = EarlyBoot | LateBoot

export type Resource =
  | ModuleResource
  | SysctlResource
  | LimitsResource
  | EndpointResource
  | AddressResource
  | RouteTableResource
  | RuleResource
  | NftTableResource
  | TunResource
  | MultipathFlagResource
  | FileResource
  | ServiceResource
  | BootResource

export type ResourceKind = Resource['kind']

/** Kinds that are files and units, not settings of the kernel. */
export const PERSISTENT: ReadonlySet<ResourceKind> = new Set<ResourceKind>(['file', 'service', 'boot'])

/** All else is gone or back at its boot value after a reboot. */
export function outlivesBoot(resource: Resource): boolean {
  return PERSISTENT.has(resource.kind) || (resource.kind === 'rule' && resource.atBoot === true)
}

/** What a set-up comes to on a given host. */
export interface Description {
  /** In the order in which they are applied; reverted in the opposite one. */
  resources: Resource[]
  /** Things to know that nothing can be done about from here: zone lines, firewalls of others, settings of programs. */
  notes: string[]
  /** What is not as wished though allowed, and other owners of the same settings. */
  warnings: string[]
}

/** The one name of a resource: two descriptions of the same thing share it. */
export function resourceId(resource: Resource): string {
  switch (resource.kind) {
    case 'module':
    case 'sysctl':
    case 'service':
    case 'boot':
      return `${resource.kind} ${resource.name}`
    case 'limits':
      return 'mptcp limits'
    case 'endpoint':
      return `mptcp endpoint ${resource.id}`
    case 'address':
      return `address ${resource.address} dev ${resource.device}`
    case 'route-table':
      return `route table ${resource.table} ipv${resource.family}`
    case 'rule':
      return `rule ${resource.priority} ipv${resource.family}`
    case 'nft-table':
      return `nft table ${resource.family} ${resource.table}`
    case 'tun':
    case 'multipath-flag':
      return `${resource.kind} ${resource.device}`
    case 'file':
      return `file ${resource.path}`
  }
}
