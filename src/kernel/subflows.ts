/** Subflows of an MPTCP connection, from what the native core read of it. */
import { native, type RawOutOfTreeInfo, type RawUpstreamInfo } from '../native.js'
import type { Subflow } from './kernel.js'
import { decodeSubflowAddresses } from './mptcp-info.js'
import { decodeSubInfo } from './out-of-tree-info.js'
import { congestionOf } from './plain-tcp.js'
import { diagnoseSubflow } from './sock-diag.js'
import { decodeTcpInfo } from './tcp-info.js'

/**
 * Entries of the two arrays belong together by position. Read in two calls, a subflow may
 * have come or gone in between: what has no partner is left out.
 */
export function upstreamSubflows(fd: number, raw: RawUpstreamInfo): Subflow[] {
  const inherited = congestionOf(fd)
  const congestion = inherited === undefined ? {} : { congestion: inherited }
  // a dead initial subflow stays listed, without addresses of its own
  return everySubflow(raw)
    .filter(({ state }) => state !== 'close')
    .map((subflow) => ({ ...subflow, ...congestion, ...diagnoseSubflow(subflow.local, subflow.remote) }))
}

/**
 * The subflows of a connection whose streams have ended. `last` was read before ours did, when the
 * kernel still had them all; `now` may still count what went out since, or have been wiped. Only
 * from these two: every session ends once, and asking more of each would tell in the connection rate.
 */
export function endedSubflows(now: RawUpstreamInfo, last: RawUpstreamInfo): Subflow[] {
  const since = everySubflow(now)
  const alive = everySubflow(last).filter(({ state }) => state !== 'close')
  return alive.map((subflow) => {
    const same = since.find(({ id }) => id === subflow.id)
    return same === undefined ? subflow : { ...subflow, ...largerCounts(subflow, same) }
  })
}

const COUNTS = ['bytesSent', 'bytesReceived', 'bytesRetransmitted', 'retransmissions'] as const

function largerCounts(one: Subflow, other: Subflow): Partial<Subflow> {
  const pairs = COUNTS.map((key) => [key, Math.max(one[key] ?? 0, other[key] ?? 0)] as const)
  return Object.fromEntries(pairs.filter(([key]) => one[key] !== undefined))
}

function everySubflow(raw: RawUpstreamInfo): Subflow[] {
  return raw.tcpInfo.flatMap((bytes, i) => {
    const addresses = decodeSubflowAddresses(raw.addresses[i] ?? Buffer.alloc(0))
    const info = decodeTcpInfo(bytes)
    if (addresses === undefined) return []
    return { ...addresses, ...info }
  })
}

/** The congestion control is the connection's: coupled ones run over all its subflows. Backup cannot be asked. */
export function outOfTreeSubflows(fd: number, raw: RawOutOfTreeInfo): Subflow[] {
  const congestion = congestionOf(fd)
  return raw.subflows.flatMap((bytes, i) => {
    const addresses = decodeSubInfo(raw.subflowInfo[i] ?? Buffer.alloc(0))
    const info = decodeTcpInfo(bytes)
    if (addresses === undefined || info.state === 'close') return []
    return { ...addresses, ...info, ...(congestion !== undefined && { congestion }) }
  })
}

/** Both ends of the socket itself. */
export function addressesOf(fd: number): Pick<Subflow, 'local' | 'remote'> {
  return { local: native.localAddress(fd), remote: native.remoteAddress(fd) }
}
