/** What a plan needs to know of a host, read once, before anything is changed: types only; probe.ts reads them. */
import type { Flavour } from '../src/kernel/kernel.js'

export interface InterfaceFacts {
  index: number
  name: string
  /** Administratively up, and with carrier. */
  up: boolean
  carrier: boolean
  loopback: boolean
  mac?: string
  /** Global scope, as configured; temporary and deprecated IPv6 addresses are left out. */
  addresses: { family: 4 | 6; address: string; prefixLength: number }[]
  /** Of the host's own default routes over this interface, lowest metric. */
  gateways: { 4?: string; 6?: string }
}

/** Somebody else who sets what we are about to set. */
export interface Owner {
  /** `NetworkManager 1.42`, `mptcpd`, `systemd-networkd`, `firewalld`, `ufw`. */
  name: string
  /** What of ours it also sets, and what to do about it: one sentence. */
  concern: string
}

export interface HostFacts {
  hostname: string
  flavour: Flavour
  release: string
  congestion: { available: string[]; allowed: string[]; current: string }
  schedulers: { available: string[]; current: string }
  pathManagers: { available: string[]; current: string }
  interfaces: InterfaceFacts[]
  owners: Owner[]
  /** Input chains of others that drop by policy: listeners may be out of reach behind them. */
  closedFirewalls: string[]
  systemd: boolean
  /** Of the sysctls and module parameters asked for, those that exist: name to value. */
  sysctls: ReadonlyMap<string, string>
  /** Endpoints there are, whoever set them. */
  endpoints: { id: number; address: string; device?: string; flags: string[] }[]
  /** Absolute path of the command a service runs: this mptk. */
  mptk: readonly string[]
}
