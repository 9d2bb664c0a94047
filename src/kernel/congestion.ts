/** Congestion controls of this kernel. */
import { errnoName, MptkError } from '../errors.js'
import { native } from '../native.js'
import type { SocketWish } from './kernel.js'
import { namedCongestion, SOL_TCP, TCP_CONGESTION, withProbe } from './options.js'
import { readSysctl, readSysctlWords } from './sysctl.js'

const SYSCTL = 'net.ipv4.tcp_congestion_control'
const AVAILABLE = 'net.ipv4.tcp_available_congestion_control'
export const ALLOWED = 'net.ipv4.tcp_allowed_congestion_control'

export interface CongestionControls {
  /** Loaded ones; for root the kernel loads others when they are asked for. */
  available: string[]
  /** Those that processes without CAP_NET_ADMIN may choose. */
  allowed: string[]
  default: string
}

export function congestionControls(): CongestionControls {
  const inForce = readSysctl(SYSCTL) ?? ''
  const available = readSysctlWords(AVAILABLE)
  const allowed = readSysctlWords(ALLOWED)
  return {
    // a kernel that hides the lists in a namespace has at least the one in force
    available: available.length > 0 ? available : [inForce].filter(Boolean),
    allowed,
    default: inForce,
  }
}

/**
 * Asks the kernel for a wish's congestion control, where it names one, by a socket of its own, since the list leaves out what it could load.
 * @throws {MptkError} MPTK_KERNEL_UNSUPPORTED that names the ones there are, or the privilege missing
 */
export function checkCongestion(wish: Pick<SocketWish, 'congestion'>): void {
  const name = namedCongestion(wish)
  if (name === undefined) return
  try {
    withProbe((fd) => native.setOption(fd, SOL_TCP, TCP_CONGESTION, Buffer.from(name)))
  } catch (cause) {
    const { available, allowed } = congestionControls()
    if (errnoName(cause) === 'ENOENT') {
      throw new MptkError(
        'MPTK_KERNEL_UNSUPPORTED',
        `congestion: this kernel has no congestion control ${JSON.stringify(name)}; it has ${available.join(', ')}`,
        { cause },
      )
    }
    if (errnoName(cause) === 'EPERM') {
      throw new MptkError(
        'MPTK_KERNEL_UNSUPPORTED',
        `congestion: ${name} needs CAP_NET_ADMIN, because it is not in ${ALLOWED} (${allowed.join(' ') || 'visible in the initial network namespace only'})`,
        { cause },
      )
    }
    throw cause
  }
}
