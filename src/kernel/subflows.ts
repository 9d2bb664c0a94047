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
  return raw.tcpInfo.flatMap((bytes, i) => {
    const addresses = decodeSubflowAddresses(raw.addresses[i] ?? Buffer.alloc(0))
    const info = decodeTcpInfo(bytes)
    // a dead initial subflow stays listed, without addresses of its own
    if (addresses === undefined || info.state === 'close') return []
    const congestion = inherited === undefined ? {} : { congestion: inherited }
    return { ...addresses, ...info, ...congestion, ...diagnoseSubflow(addresses.local, addresses.remote) }
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
