/** A kernel with neither implementation: everything is TCP, and says so. */
import { native } from '../native.js'
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
import { nativeOptions } from './options.js'
import { plainConnectionInfo } from './plain-tcp.js'
import { REASON } from './reasons.js'
import { tcpOnlyReport } from './report-tcp-only.js'
import { refuseEndpoints, refuseIfRequired, refusePerSocket } from './unsupported.js'

export class TcpOnlyKernel implements Kernel {
  readonly flavour = 'tcp-only'

  whyNoMptcp(): string {
    return REASON.notBuilt
  }

  check(wish: SocketWish): string[] {
    refuseIfRequired(wish, REASON.notBuilt)
    checkCongestion(wish)
    return refusePerSocket(wish, { scheduler: REASON.notBuilt, pathManager: REASON.notBuilt })
  }

  openSocket(family: 4 | 6, wish: SocketWish): OpenedSocket {
    refuseIfRequired(wish, REASON.notBuilt)
    refusePerSocket(wish, { scheduler: REASON.notBuilt, pathManager: REASON.notBuilt })
    try {
      const fd = native.socket(nativeOptions(family, wish, 'tcp'))
      return { fd, protocol: 'tcp', ...(wish.transport === 'mptcp' && { reason: REASON.notBuilt }) }
    } catch (error) {
      checkCongestion(wish)
      throw error
    }
  }

  verdict(_fd: number, origin?: Origin): Verdict {
    if (origin === undefined) return { protocol: 'tcp', reason: REASON.notBuilt }
    return { protocol: 'tcp', reason: origin.reason ?? REASON.configured }
  }

  connectionInfo(fd: number, origin?: Origin): ConnectionInfo {
    return plainConnectionInfo(fd, this.verdict(fd, origin))
  }

  isMultipath(): boolean {
    return false
  }

  endpoints(): Endpoint[] {
    return []
  }

  addEndpoint(): never {
    refuseEndpoints(REASON.notBuilt)
  }

  setEndpointFlags(): never {
    refuseEndpoints(REASON.notBuilt)
  }

  removeEndpoint(): never {
    refuseEndpoints(REASON.notBuilt)
  }

  limits(): Limits | undefined {
    return undefined
  }

  setLimits(): never {
    refuseEndpoints(REASON.notBuilt)
  }

  report(): KernelReport {
    return tcpOnlyReport(this)
  }
}
