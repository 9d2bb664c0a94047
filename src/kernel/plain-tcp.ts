/** What every kernel tells of a connection that is one TCP flow. */
import type { SocketAddress } from '../address.js'
import { errnoName } from '../errors.js'
import { native } from '../native.js'
import type { ConnectionInfo, Verdict } from './kernel.js'
import { NAME_LENGTH, SOL_TCP, TCP_CONGESTION, TCP_INFO } from './options.js'
import { cString } from './struct.js'
import { decodeTcpInfo } from './tcp-info.js'

/** More than any kernel's struct tcp_info. */
const TCP_INFO_ROOM = 512

/** Without the one flow when it is over: its far end is then nobody's any more. @throws {SystemError} */
export function plainConnectionInfo(fd: number, verdict: Verdict): ConnectionInfo {
  const info = decodeTcpInfo(native.getOption(fd, SOL_TCP, TCP_INFO, TCP_INFO_ROOM))
  const congestion = congestionOf(fd)
  const ends = endsOf(fd)
  return {
    ...verdict,
    subflows:
      ends === undefined ? [] : [{ ...ends, ...info, ...(congestion !== undefined && { congestion }) }],
    ...(info.bytesSent !== undefined && { bytesSent: info.bytesSent }),
    ...(info.bytesReceived !== undefined && { bytesReceived: info.bytesReceived }),
  }
}

/** Both ends of a connected socket; undefined once its connection is over (ENOTCONN). @throws {SystemError} */
export function endsOf(fd: number): { local: SocketAddress; remote: SocketAddress } | undefined {
  try {
    return { local: native.localAddress(fd), remote: native.remoteAddress(fd) }
  } catch (error) {
    if (errnoName(error) === 'ENOTCONN') return undefined
    throw error
  }
}

/** The socket's congestion control; on an MPTCP socket the one of its subflows unless they differ. */
export function congestionOf(fd: number): string | undefined {
  try {
    const name = cString(native.getOption(fd, SOL_TCP, TCP_CONGESTION, NAME_LENGTH))
    return name === '' ? undefined : name
  } catch {
    // MPTCP sockets before 5.15 do not tell
    return undefined
  }
}
