/** Upstream Linux, 5.6 and later: MPTCP is a protocol of its own, sockets of protocol 262. */
import { errnoName } from '../errors.js'
import { native, type RawInfo } from '../native.js'
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
  Verdict,
} from './kernel.js'
import { decodeMptcpInfo } from './mptcp-info.js'
import {
  getInt,
  IPPROTO_MPTCP,
  nativeOptions,
  SO_PROTOCOL,
  SOL_SOCKET,
  SOL_TCP,
  TCP_IS_MPTCP,
} from './options.js'
import {
  addEndpoint,
  getLimits,
  listEndpoints,
  removeEndpoint,
  setEndpointFlags,
  setLimits,
} from './path-manager.js'
import { plainConnectionInfo } from './plain-tcp.js'
import { REASON, refusedReason } from './reasons.js'
import { upstreamReport } from './report-upstream.js'
import { endedSubflows, upstreamSubflows } from './subflows.js'
import { readSysctl } from './sysctl.js'
import { refuseIfRequired, refusePerSocket } from './unsupported.js'

/** What socket(…, IPPROTO_MPTCP) fails with where MPTCP is off, not built in, or denied by a policy. */
const NO_MPTCP = new Set(['ENOPROTOOPT', 'EPROTONOSUPPORT', 'EINVAL', 'EACCES', 'EPERM'])

export class UpstreamKernel implements Kernel {
  readonly flavour = 'upstream'
  readonly witness = 'upstream'

  whyNoMptcp(): string | undefined {
    try {
      native.close(native.socket({ family: 4, protocol: 'mptcp' }))
      return undefined
    } catch (error) {
      return this.#explain(error)
    }
  }

  check(wish: SocketWish): string[] {
    const warnings = refusePerSocketUpstream(wish)
    const reason = wish.transport === 'mptcp' ? this.whyNoMptcp() : undefined
    if (reason !== undefined) refuseIfRequired(wish, reason)
    checkCongestion(wish)
    return reason === undefined ? [...warnings, ...checkAutomatic(wish)] : warnings
  }

  openSocket(family: 4 | 6, wish: SocketWish): OpenedSocket {
    refusePerSocketUpstream(wish)
    if (wish.transport === 'tcp') return this.#openTcp(family, wish)
    try {
      const fd = native.socket(nativeOptions(family, wish, 'mptcp'))
      return { fd: automatically(fd, wish), protocol: 'mptcp' }
    } catch (error) {
      checkCongestion(wish)
      if (!NO_MPTCP.has(errnoName(error) ?? '')) throw error
      // the errno may also be an option's, set on a socket that could be opened
      const reason = this.whyNoMptcp()
      if (reason === undefined) throw error
      refuseIfRequired(wish, reason)
      return this.#openTcp(family, wish, reason)
    }
  }

  verdict(fd: number, origin?: Origin): Verdict {
    if (!this.isMultipath(fd)) {
      return { protocol: 'tcp', reason: reasonOfTcp(origin) }
    }
    if (speaksMptcp(fd)) return { protocol: 'mptcp' }
    // a client whose SYN asked for MPTCP: a fallback in the handshake would have given a TCP socket
    const reason = origin?.side === 'accepted' ? REASON.lostLater : REASON.peerAnsweredWithout
    return { protocol: 'tcp', reason }
  }

  connectionInfo(fd: number, origin?: Origin, last?: RawInfo): ConnectionInfo {
    const verdict = this.verdict(fd, origin)
    if (verdict.protocol === 'tcp') return plainConnectionInfo(fd, verdict)
    const raw = native.upstreamInfo(fd)
    const info = raw.info === undefined ? undefined : decodeMptcpInfo(raw.info)
    return {
      ...verdict,
      ...(info?.token !== undefined && { token: info.token }),
      subflows:
        last === undefined || !('source' in last) ? upstreamSubflows(fd, raw) : endedSubflows(raw, last),
      ...(info?.bytesSent !== undefined && { bytesSent: info.bytesSent }),
      ...(info?.bytesReceived !== undefined && { bytesReceived: info.bytesReceived }),
    }
  }

  /** Also for a connection that fell back: its bytes still pass through MPTCP's socket. */
  isMultipath(fd: number): boolean {
    return getInt(fd, SOL_SOCKET, SO_PROTOCOL) === IPPROTO_MPTCP
  }

  endpoints(): Endpoint[] {
    return listEndpoints()
  }

  addEndpoint(endpoint: Omit<Endpoint, 'id'> & { id?: number }): void {
    addEndpoint(endpoint)
  }

  removeEndpoint(endpoint: Pick<Endpoint, 'id'> & { address?: string }): void {
    removeEndpoint(endpoint)
  }

  setEndpointFlags(endpoint: Pick<Endpoint, 'id' | 'flags'>): void {
    setEndpointFlags(endpoint)
  }

  limits(): Limits | undefined {
    return getLimits()
  }

  setLimits(limits: Limits): void {
    setLimits(limits)
  }

  report(uplinks?: readonly string[]): KernelReport {
    return upstreamReport(this, uplinks)
  }

  #openTcp(family: 4 | 6, wish: SocketWish, reason?: string): OpenedSocket {
    try {
      const fd = native.socket(nativeOptions(family, wish, 'tcp'))
      return { fd, protocol: 'tcp', ...(reason !== undefined && { reason }) }
    } catch (error) {
      checkCongestion(wish)
      throw error
    }
  }

  #explain(error: unknown): string {
    const code = errnoName(error)
    if (code === 'ENOPROTOOPT' || readSysctl('net.mptcp.enabled') === '0') return REASON.disabledUpstream
    return code === 'EPROTONOSUPPORT' || code === 'EINVAL' ? REASON.notBuilt : refusedReason(error)
  }
}

function refusePerSocketUpstream(wish: SocketWish): string[] {
  // asked for every socket: the words below read /proc
  if (wish.scheduler === undefined && wish.pathManager === undefined) return []
  return refusePerSocket(wish, {
    scheduler: `upstream kernels have one for the network namespace: net.mptcp.scheduler (now ${now('scheduler')})`,
    pathManager: `upstream kernels have one for the network namespace: net.mptcp.${managerSysctl()} (now ${now(managerSysctl())})`,
  })
}

const now = (name: string): string => readSysctl(`net.mptcp.${name}`) ?? 'not settable here'

/** Kernels before the names came have a number. */
export function managerSysctl(): 'path_manager' | 'pm_type' {
  return readSysctl('net.mptcp.path_manager') === undefined ? 'pm_type' : 'path_manager'
}

/** Of a socket of protocol 6. */
function reasonOfTcp(origin: Origin | undefined): string {
  if (origin === undefined) return REASON.plain
  return origin.protocol === 'mptcp' ? REASON.clientDidNotAsk : (origin.reason ?? REASON.configured)
}

/** Of a socket of protocol 262: false once it fell back. */
function speaksMptcp(fd: number): boolean {
  try {
    return getInt(fd, SOL_TCP, TCP_IS_MPTCP) === 1
  } catch (error) {
    // before 6.10 the option is unknown: to MPTCP by one errno, to the TCP it fell back to by another
    if (errnoName(error) === 'EOPNOTSUPP') return true
    if (errnoName(error) === 'ENOPROTOOPT') return false
    throw error
  }
}
