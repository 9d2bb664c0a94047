/**
 * Which routing tables, rule priorities and endpoint ids are whose: all of them follow from the
 * place of an uplink in `host.uplinks` and the three numbers of `host.numbers`.
 *
 * ```
 *   priority +0              TPROXY: marked packets are delivered here
 *   priority +2, +3 … +17    by uplink: from ADDRESS, first what main knows better than a default, then its table
 *   priority +18 … +25       by LAN interface: what main knows better than a default
 *   priority +32 …           by LAN interface, uplink: its table, backups last
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
export const lanMainPriority = ({ priority }: Numbers, lan: number): number => priority + 18 + lan
export const lanUplinkPriority = (
  { priority }: Numbers,
  lan: number,
  uplink: { index: number; role: string },
): number => priority + 32 + lan * 16 + (uplink.role === 'normal' ? 0 : MOST_UPLINKS) + uplink.index
/** Priorities that are ours, likewise. */
export const PRIORITIES = 32 + MOST_LAN_INTERFACES * 16

export const endpointId = ({ endpoint }: Numbers, uplink: number, family: 4 | 6): number =>
  endpoint + 2 * uplink + (family === 6 ? 1 : 0)
export const announcedId = ({ endpoint }: Numbers, order: number): number =>
  endpoint + 2 * MOST_UPLINKS + order
export const ENDPOINT_IDS = 3 * MOST_UPLINKS

/**
 * Everything that uplinks may ever come to, whatever a later configuration says of them: what
 * `mptk run` may have set when the service is taken away.
 */
export function numbersOfUplinks({ numbers, uplinks, lan }: HostConfig, flavour: Flavour): LeftBehind[] {
  if (Object.keys(uplinks).length === 0) return []
  const families = [4, 6] as const
  const roles = ['normal', 'backup'] as const
  const endpoints = families.flatMap((family) =>
    EACH_UPLINK.map((index) => ({ kind: 'endpoint' as const, id: endpointId(numbers, index, family) })),
  )
  const priorities = EACH_UPLINK.flatMap((index) => [
    ...Object.values(sourcePriorities(numbers, index)),
    ...(lan?.interfaces ?? []).flatMap((_, order) =>
      roles.map((role) => lanUplinkPriority(numbers, order, { index, role })),
    ),
  ])
  return [
    ...(flavour === 'upstream' ? endpoints : []),
    ...families.flatMap((family): LeftBehind[] => [
      ...priorities.map((number) => ({ kind: 'rule' as const, family, number })),
      ...EACH_UPLINK.map((index) => ({
        kind: 'table' as const,
        family,
        number: uplinkTable(numbers, index),
      })),
    ]),
  ]
}

const EACH_UPLINK = Array.from({ length: MOST_UPLINKS }, (_, index) => index)
