/** Subflows of an MPTCP connection, from what the native core read of it. */
import type { SocketAddress } from '../address.js'
import type { RawOutOfTreeInfo, RawUpstreamInfo } from '../native.js'
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
    const same = since.find((each) => isSame(each, subflow))
    return same === undefined ? subflow : { ...subflow, ...largerCounts(subflow, same) }
  })
}

/** By number where the kernel gives one, as MPTCP_FULL_INFO does. */
function isSame(one: Subflow, other: Subflow): boolean {
  return one.id !== undefined || other.id !== undefined ? one.id === other.id : sameEnds(one, other)
}

function sameEnds(one: Subflow, other: Subflow): boolean {
  return sameAddress(one.local, other.local) && sameAddress(one.remote, other.remote)
}

const sameAddress = (one: SocketAddress, other: SocketAddress): boolean =>
  one.address === other.address && one.port === other.port

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
  return outOfTreeAlive(raw).map((subflow) => ({
    ...subflow,
    ...(congestion !== undefined && { congestion }),
  }))
}

/** As {@link endedSubflows}; `now` is undefined when the connection's socket is closed, which then has none. */
export function endedOutOfTreeSubflows(now: RawOutOfTreeInfo | undefined, last: RawOutOfTreeInfo): Subflow[] {
  const since = now === undefined ? [] : outOfTreeAlive(now)
  return outOfTreeAlive(last).map((subflow) => {
    const same = since.find((each) => sameEnds(each, subflow))
    return same === undefined ? subflow : { ...subflow, ...largerCounts(subflow, same) }
  })
}

function outOfTreeAlive(raw: RawOutOfTreeInfo): Subflow[] {
  return raw.subflows.flatMap((bytes, i) => {
    const addresses = decodeSubInfo(raw.subflowInfo[i] ?? Buffer.alloc(0))
    const info = decodeTcpInfo(bytes)
    return addresses === undefined || info.state === 'close' ? [] : { ...addresses, ...info }
  })
}
