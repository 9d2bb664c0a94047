/** The out-of-tree kernel of multipath-tcp.org, v0.92 to v0.96: MPTCP is an option of TCP sockets. */
import { isLoopback, plainAddress } from '../address.js'
import { errnoName } from '../errors.js'
import { native, type NativeSocketOptions, type RawInfo, type RawOutOfTreeInfo } from '../native.js'
import { automatically, checkAutomatic } from './automatic-congestion.js'
import { checkCongestion } from './congestion.js'
import type {
  ConnectionInfo,
  Endpoint,
  Kernel,
  KernelReport,
  Limits,
  OpenedSocket,
  Origin,
  SocketWish,
  Subflow,
  Verdict,
} from './kernel.js'
import { nativeOptions } from './options.js'
import { decodeMeta, parseConnections } from './out-of-tree-info.js'
import { enablingFails, negotiated, usableNames } from './out-of-tree-options.js'
import { endsOf, plainConnectionInfo } from './plain-tcp.js'
import { REASON, refusedReason } from './reasons.js'
import { outOfTreeReport } from './report-out-of-tree.js'
import { endedOutOfTreeSubflows, outOfTreeSubflows } from './subflows.js'
import { readProc, readSysctl } from './sysctl.js'
import { refuseEndpoints, refuseIfRequired } from './unsupported.js'

const NO_ENDPOINTS =
  'the out-of-tree kernel has none; its path manager is a name (net.mptcp.mptcp_path_manager, or pathManager for one socket)'

export class OutOfTreeKernel implements Kernel {
  readonly flavour = 'out-of-tree'
  readonly witness = 'out-of-tree'

  whyNoMptcp(): string | undefined {
    const sysctl = readSysctl('net.mptcp.mptcp_enabled')
    if (sysctl === '0') return REASON.disabledOutOfTree
    const failure = enablingFails()
    if (failure === undefined) return undefined
    // without the sysctl in sight (another network namespace), EPERM has this one cause
    return failure === 'EPERM' ? REASON.disabledOutOfTree : refusedReason(failure)
  }

  check(wish: SocketWish): string[] {
    const reason = wish.transport === 'mptcp' ? this.whyNoMptcp() : undefined
    if (reason !== undefined) refuseIfRequired(wish, reason)
    checkCongestion(wish)
    if (wish.transport === 'tcp' || reason !== undefined) return []
    return [...usableNames(wish).warnings, ...checkAutomatic(wish)]
  }

  openSocket(family: 4 | 6, wish: SocketWish): OpenedSocket {
    if (wish.transport === 'tcp') return { fd: openWithoutMptcp(family, wish), protocol: 'tcp' }
    try {
      const names = { scheduler: wish.scheduler?.name, pathManager: wish.pathManager?.name }
      return { fd: open(family, wish, names), protocol: 'mptcp' }
    } catch (error) {
      checkCongestion(wish)
      const reason = this.whyNoMptcp()
      if (reason !== undefined) {
        refuseIfRequired(wish, reason)
        return { fd: openWithoutMptcp(family, wish), protocol: 'tcp', reason }
      }
      const { names, warnings } = usableNames(wish)
      // nothing optional to leave out: the failure was another option's
      if (warnings.length === 0) throw error
      return { fd: open(family, wish, names), protocol: 'mptcp' }
    }
  }

  verdict(fd: number, origin?: Origin): Verdict {
    if (negotiated(fd)) return { protocol: 'mptcp' }
    return { protocol: 'tcp', reason: reasonOfTcp(fd, origin) }
  }

  connectionInfo(fd: number, origin?: Origin, last?: RawInfo): ConnectionInfo {
    if (last !== undefined && 'meta' in last) return endedConnection(fd, last)
    const verdict = this.verdict(fd, origin)
    if (verdict.protocol === 'tcp') return plainConnectionInfo(fd, verdict)
    const raw = native.outOfTreeInfo(fd)
    const { bytesReceived } = decodeMeta(raw.meta)
    const token = tokenOf(endsOf(fd))
    return {
      ...verdict,
      ...(token !== undefined && { token }),
      subflows: outOfTreeSubflows(fd, raw),
      ...(bytesReceived !== undefined && { bytesReceived }),
    }
  }

  isMultipath(fd: number): boolean {
    return negotiated(fd)
  }

  endpoints(): Endpoint[] {
    return []
  }

  addEndpoint(): never {
    refuseEndpoints(NO_ENDPOINTS)
  }

  setEndpointFlags(): never {
    refuseEndpoints(NO_ENDPOINTS)
  }

  removeEndpoint(): never {
    refuseEndpoints(NO_ENDPOINTS)
  }

  limits(): Limits | undefined {
    return undefined
  }

  setLimits(): never {
    refuseEndpoints(NO_ENDPOINTS)
  }

  report(uplinks?: readonly string[]): KernelReport {
    return outOfTreeReport(this, uplinks)
  }
}

/**
 * A connection of which the relay has heard before the end: it spoke MPTCP then, and what is in the
 * kernel now may be nothing. Option 42 answers 0 as soon as the connection's socket is closed.
 */
function endedConnection(fd: number, last: RawOutOfTreeInfo): ConnectionInfo {
  const now = stillKnown(fd)
  const counts = [last, now].flatMap((raw) =>
    raw === undefined ? [] : (decodeMeta(raw.meta).bytesReceived ?? []),
  )
  return {
    protocol: 'mptcp',
    subflows: endedOutOfTreeSubflows(now, last),
    ...(counts.length > 0 && { bytesReceived: Math.max(...counts) }),
  }
}

function stillKnown(fd: number): RawOutOfTreeInfo | undefined {
  try {
    return negotiated(fd) ? native.outOfTreeInfo(fd) : undefined
  } catch (error) {
    // it closed between the two questions
    if (errnoName(error) !== undefined) return undefined
    throw error
  }
}

function open(
  family: 4 | 6,
  wish: SocketWish,
  names: { scheduler?: string | undefined; pathManager?: string | undefined },
): number {
  const outOfTree: NativeSocketOptions['outOfTree'] = {
    enabled: true,
    ...(names.scheduler !== undefined && { scheduler: names.scheduler }),
    ...(names.pathManager !== undefined && { pathManager: names.pathManager }),
  }
  return automatically(native.socket({ ...nativeOptions(family, wish, 'tcp'), outOfTree }), wish)
}

/** With `mptcp_enabled` 1 every TCP socket speaks MPTCP unless told not to; with 0 it cannot be told anything. */
function openWithoutMptcp(family: 4 | 6, wish: SocketWish): number {
  const options = nativeOptions(family, wish, 'tcp')
  try {
    return native.socket({ ...options, outOfTree: { enabled: false } })
  } catch (error) {
    checkCongestion(wish)
    if (errnoName(error) !== 'EPERM' || enablingFails() !== 'EPERM') throw error
    return native.socket(options)
  }
}

function reasonOfTcp(fd: number, origin: Origin | undefined): string {
  if (origin?.protocol === 'tcp') return origin.reason ?? REASON.configured
  const ends = endsOf(fd)
  if (ends === undefined) return REASON.notNegotiated
  const { local, remote } = ends
  const onLoopback =
    (isLoopback(local.address) && isLoopback(remote.address)) || local.address === remote.address
  return onLoopback ? REASON.loopback : REASON.notNegotiated
}

/** By the addresses of the connection, which are those of its first subflow. Needs CAP_NET_ADMIN. */
function tokenOf(ends: Pick<Subflow, 'local' | 'remote'> | undefined): number | undefined {
  if (ends === undefined) return undefined
  const { local, remote } = ends
  const listed = parseConnections(readProc('/proc/net/mptcp_net/mptcp') ?? '')
  return listed.find(
    (each) =>
      each.local.port === local.port &&
      each.remote.port === remote.port &&
      each.local.address === plainAddress(local.address) &&
      each.remote.address === plainAddress(remote.address),
  )?.token
}
