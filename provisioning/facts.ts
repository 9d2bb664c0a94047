/** What a plan needs to know of a host, read once, before anything is changed: types only; probe.ts reads them. */
import type { EndpointFlag, Flavour } from '../src/kernel/kernel.js'
import type { InterfaceState } from '../src/paths/interfaces.js'

/** As `mptk run` sees interfaces too, so that a plan and the keeper of the uplinks judge them alike. */
export type InterfaceFacts = InterfaceState

/** Somebody else who sets what we are about to set. */
export interface Owner {
  /** `NetworkManager 1.42`, `mptcpd`, `systemd-networkd`, `firewalld`, `ufw`. */
  name: string
  /** What of ours it also sets, and what to do about it: one sentence. */
  concern: string
}

/** A base chain of somebody else that lets nothing in but what its table's rules accept. */
export interface ClosedFirewall {
  /** As nft takes it: `inet filter input`. */
  chain: string
  /** TCP ports that some rule of its table accepts, from whomever. */
  accepts: [first: number, last: number][]
}

export interface HostFacts {
  hostname: string
  flavour: Flavour
  release: string
  /** The network namespace the machine started with: only there may root choose any congestion control. */
  initialNamespace: boolean
  congestion: { available: string[]; allowed: string[]; current: string }
  schedulers: { available: string[]; current: string }
  pathManagers: { available: string[]; current: string }
  /** Of the kernel modules asked for, those loaded as such or loadable; none that is built in. */
  modules: string[]
  /** False: ipv6.disable=1, or the module is not there. Not what `disable_ipv6` of an interface says. */
  ipv6: boolean
  interfaces: InterfaceFacts[]
  /** Routing policy rules, ours among them. */
  rules: { family: 4 | 6; priority: number; table: number; unreachable?: true }[]
  owners: Owner[]
  /** Input chains of others that drop by policy: listeners may be out of reach behind them. */
  closedFirewalls: ClosedFirewall[]
  systemd: boolean
  /** Of the sysctls and module parameters asked for, those that exist: name to value, blanks single. */
  sysctls: ReadonlyMap<string, string>
  /** Endpoints there are, whoever set them. */
  endpoints: { id: number; address: string; device?: string; flags: EndpointFlag[] }[]
  /** Of the programs asked for, name to absolute path. */
  programs: ReadonlyMap<string, string>
  /** Absolute path of the command a service runs: this mptk. */
  mptk: readonly string[]
  /** Why a service of this mptk cannot run as a user of its own here, if so. */
  whyNoOwnUser?: string | undefined
  /** Folder of the journal. */
  state: string
}
