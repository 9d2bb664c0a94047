/** Socket options that this folder reads and sets itself, by number, and the one mapping of a wish to the native core. */
import { native, type NativeSocketOptions } from '../native.js'
import { AUTOMATIC, type SocketWish } from './kernel.js'

export const SOL_SOCKET = 1
export const SO_PROTOCOL = 38

export const SOL_TCP = 6
export const TCP_INFO = 11
export const TCP_CONGESTION = 13
/** Upstream kernels since 6.10 only: the out-of-tree kernel means its scheduler by 43. */
export const TCP_IS_MPTCP = 43

export const IPPROTO_TCP = 6
export const IPPROTO_MPTCP = 262

/** TCP_CA_NAME_MAX, MPTCP_SCHED_NAME_MAX and MPTCP_PM_NAME_MAX alike, the NUL included. */
export const NAME_LENGTH = 16

/** @throws {SystemError} */
export function getInt(fd: number, level: number, name: number): number {
  return native.getInt(fd, level, name)
}

/** The congestion control that a wish names; undefined where the choice is left to us or to the kernel. */
export function namedCongestion({ congestion }: { congestion?: string | undefined }): string | undefined {
  return congestion === AUTOMATIC ? undefined : congestion
}

/** The options of a wish that mean the same on every kernel. */
export function nativeOptions(
  family: 4 | 6,
  wish: SocketWish,
  protocol: 'mptcp' | 'tcp',
): NativeSocketOptions {
  const congestion = namedCongestion(wish)
  return {
    family,
    protocol,
    // a dialling socket with SO_REUSEADDR could be given a port that another one uses
    reuseAddress: wish.source === undefined,
    // what a relay writes is whatever has come: holding it back for more only delays it
    noDelay: true,
    ...(congestion !== undefined && { congestion }),
    ...(wish.mark !== undefined && { mark: wish.mark }),
    ...(wish.device !== undefined && { device: wish.device }),
    ...(wish.transparent !== undefined && { transparent: wish.transparent }),
    ...(wish.v6Only !== undefined && family === 6 && { v6Only: wish.v6Only }),
    ...(wish.reusePort !== undefined && { reusePort: wish.reusePort }),
    ...(wish.keepalive !== undefined && { keepalive: wish.keepalive }),
    ...(wish.sendBuffer !== undefined && { sendBuffer: wish.sendBuffer }),
    ...(wish.receiveBuffer !== undefined && { receiveBuffer: wish.receiveBuffer }),
  }
}

/** Runs `use` with a fresh unconnected TCP socket that is closed afterwards: how a name is tried. */
export function withProbe<T>(use: (fd: number) => T, options?: Partial<NativeSocketOptions>): T {
  const fd = native.socket({ family: 4, protocol: 'tcp', ...options })
  try {
    return use(fd)
  } finally {
    native.close(fd)
  }
}
