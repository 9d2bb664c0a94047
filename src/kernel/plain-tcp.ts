/** What every kernel tells of a connection that is one TCP flow. */
import { native } from '../native.js'
import type { ConnectionInfo, Verdict } from './kernel.js'
import { NAME_LENGTH, SOL_TCP, TCP_CONGESTION, TCP_INFO } from './options.js'
import { cString } from './struct.js'
import { decodeTcpInfo } from './tcp-info.js'

/** More than any kernel's struct tcp_info. */
const TCP_INFO_ROOM = 512

/** @throws {SystemError} */
export function plainConnectionInfo(fd: number, verdict: Verdict): ConnectionInfo {
  const info = decodeTcpInfo(native.getOption(fd, SOL_TCP, TCP_INFO, TCP_INFO_ROOM))
  const congestion = congestionOf(fd)
  const subflow = {
    local: native.localAddress(fd),
    remote: native.remoteAddress(fd),
    ...info,
    ...(congestion !== undefined && { congestion }),
  }
  return {
    ...verdict,
    subflows: [subflow],
    ...(info.bytesSent !== undefined && { bytesSent: info.bytesSent }),
    ...(info.bytesReceived !== undefined && { bytesReceived: info.bytesReceived }),
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
