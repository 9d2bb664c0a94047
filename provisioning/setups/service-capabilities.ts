/** What the service may do that not everybody may: no more than its configuration needs. */
import { AUTOMATIC } from '../../src/kernel/kernel.js'
import type { ServiceConfig } from '../../src/config/schema.js'
import type { HostFacts } from '../facts.js'
import type { HostedConfig } from './part.js'
import { listensOf } from './listens.js'

/**
 * CAP_NET_ADMIN: endpoints and rules of live uplinks where nobody else keeps them, TPROXY (IP_TRANSPARENT), socket marks,
 * congestion controls that are not for everybody or not loaded, and per socket on out-of-tree
 * kernels schedulers and path managers. CAP_NET_RAW: SO_BINDTODEVICE before Linux 5.7.
 * CAP_NET_BIND_SERVICE: ports below 1024.
 */
export function serviceCapabilities(config: HostedConfig, facts: HostFacts, kept: boolean): string[] {
  const wishes = config.services.flatMap(wishesOf)
  const outOfTree = facts.flavour === 'out-of-tree'
  const network =
    (!kept && keepsUplinks(config, facts)) ||
    config.services.some((each) => each.type === 'transparent' && each.intercept === 'tproxy') ||
    wishes.some(
      ({ mark, congestion, scheduler, pathManager }) =>
        mark !== undefined ||
        needsMore(congestion, facts) ||
        (outOfTree && (scheduler !== undefined || pathManager !== undefined)),
    )
  const raw = outOfTree && wishes.some(({ device }) => device !== undefined)
  const low = listensOf(config).some(({ port }) => port < 1024)
  return [
    ...(network ? ['CAP_NET_ADMIN'] : []),
    ...(raw ? ['CAP_NET_RAW'] : []),
    ...(low ? ['CAP_NET_BIND_SERVICE'] : []),
  ]
}

/** `auto` takes what everybody may have: apply has loaded bbr, which is for everybody then. */
function needsMore(congestion: string | undefined, { congestion: { allowed } }: HostFacts): boolean {
  return congestion !== undefined && congestion !== AUTOMATIC && !allowed.includes(congestion)
}

function keepsUplinks({ host }: HostedConfig, { flavour }: HostFacts): boolean {
  const ndiffports = host.mptcp.pathManager === 'ndiffports' && flavour === 'upstream'
  return ndiffports || Object.keys(host.uplinks).length > 0
}

interface Wish {
  mark?: number | undefined
  congestion?: string | undefined
  scheduler?: unknown
  pathManager?: unknown
  device?: string | undefined
}

/** Of the listening socket, of those to destinations, and of those to the upstream. */
function wishesOf(service: ServiceConfig): Wish[] {
  const { egress, upstream } = service as { egress?: Wish; upstream?: Wish }
  return [
    service as Wish,
    ...(egress === undefined ? [] : [egress]),
    ...(upstream === undefined ? [] : [upstream]),
  ]
}
