/**
 * Which routing tables, rule priorities and endpoint ids are whose: all of them follow from the
 * place of an uplink in `host.uplinks` and the three numbers of `host.numbers`.
 *
 * ```
 *   priority +0              TPROXY: marked packets are delivered here
 *   priority +2, +3 … +17    by uplink: from ADDRESS, first what main knows better than a default, then its table
 *   priority +18 … +25       by LAN interface: the barrier, what the firewall did not let pass goes nowhere
 *   priority +26 … +33       by LAN interface: what main knows better than a default
 *   priority +40 …           by LAN interface, uplink: its table, backups last
 *   table +0 … +7            by uplink
 *   table +8                 TPROXY: everything is local
 *   endpoint +0 … +15        by uplink and family
 *   endpoint +16 …           announced addresses of a server, by order
 * ```
 */
import type { HostConfig } from '../../src/config/host.js'
import type { Flavour } from '../../src/kernel/kernel.js'
import type { LeftBehind } from '../resource.js'

type Numbers = HostConfig['numbers']

/** The kernel holds 8 endpoints. */
export const MOST_UPLINKS = 8
export const MOST_LAN_INTERFACES = 8
export const MAIN_TABLE = 254

export const uplinkTable = ({ table }: Numbers, uplink: number): number => table + uplink
export const localTable = ({ table }: Numbers): number => table + MOST_UPLINKS
/** Tables that are ours: from the first to the one before the last named. */
export const TABLES = MOST_UPLINKS + 1

export const markPriority = ({ priority }: Numbers): number => priority
export const sourcePriorities = ({ priority }: Numbers, uplink: number): { main: number; own: number } => ({
  main: priority + 2 + 2 * uplink,
  own: priority + 3 + 2 * uplink,
})
export const barrierPriority = ({ priority }: Numbers, lan: number): number => priority + 18 + lan
export const lanMainPriority = ({ priority }: Numbers, lan: number): number => priority + 26 + lan
export const lanUplinkPriority = (
  { priority }: Numbers,
  lan: number,
  uplink: { index: number; role: string },
): number => priority + 40 + lan * 16 + (uplink.role === 'normal' ? 0 : MOST_UPLINKS) + uplink.index
/** Priorities that are ours, likewise. */
export const PRIORITIES = 40 + MOST_LAN_INTERFACES * 16

export const endpointId = ({ endpoint }: Numbers, uplink: number, family: 4 | 6): number =>
  endpoint + 2 * uplink + (family === 6 ? 1 : 0)
export const announcedId = ({ endpoint }: Numbers, order: number): number =>
  endpoint + 2 * MOST_UPLINKS + order
export const ENDPOINT_IDS = 3 * MOST_UPLINKS

/** Numbers of uplinks and nothing else; whatever has another one is never touched. */
export interface UplinkNumbers {
  tables: ReadonlySet<number>
  priorities: ReadonlySet<number>
  endpoints: ReadonlySet<number>
}

/** Also of uplinks and roles that an earlier or later configuration names: what they left is ours too. */
export function uplinkNumbers({ numbers, lan }: HostConfig): UplinkNumbers {
  const uplinks = Array.from({ length: MOST_UPLINKS }, (_, index) => index)
  const lans = (lan?.interfaces ?? []).map((_, order) => order)
  const places = uplinks.flatMap((index) => ['normal', 'backup'].map((role) => ({ index, role })))
  return {
    tables: new Set(uplinks.map((index) => uplinkTable(numbers, index))),
    endpoints: new Set(
      uplinks.flatMap((index) => ([4, 6] as const).map((family) => endpointId(numbers, index, family))),
    ),
    priorities: new Set([
      ...uplinks.flatMap((index) => Object.values(sourcePriorities(numbers, index))),
      ...lans.flatMap((order) => places.map((place) => lanUplinkPriority(numbers, order, place))),
    ]),
  }
}

/** What `mptk run` may have set by the time that it is taken away. */
export function leftByUplinks(host: HostConfig, flavour: Flavour): LeftBehind[] {
  if (Object.keys(host.uplinks).length === 0) return []
  const { tables, priorities, endpoints } = uplinkNumbers(host)
  return [
    ...[...endpoints].flatMap((id) => (flavour === 'upstream' ? [{ kind: 'endpoint' as const, id }] : [])),
    ...([4, 6] as const).flatMap((family): LeftBehind[] => [
      ...[...priorities].map((number) => ({ kind: 'rule' as const, family, number })),
      ...[...tables].map((number) => ({ kind: 'table' as const, family, number })),
    ]),
  ]
}
