/**
 * What MPTCP_INFO (SOL_TCP 45) of the out-of-tree kernel points to, v0.92 to v0.96
 * (its include/uapi/linux/tcp.h and net/mptcp/mptcp_ctrl.c), and the connection list in
 * /proc/net/mptcp_net/mptcp.
 */
import type { SocketAddress } from '../address.js'
import { AF_INET, AF_INET6, decodeSockaddr, formatIP } from './sockaddr.js'
import { putU32, u64 } from './struct.js'

/** struct mptcp_meta_info, 48 bytes: the connection as a whole. */
export interface OutOfTreeMeta {
  bytesAcknowledged?: number
  bytesReceived?: number
}

export function decodeMeta(meta: Buffer): OutOfTreeMeta {
  const bytesAcknowledged = u64(meta, 32)
  const bytesReceived = u64(meta, 40)
  return {
    ...(bytesAcknowledged !== undefined && { bytesAcknowledged }),
    ...(bytesReceived !== undefined && { bytesReceived }),
  }
}

/** sizeof of the union of sockaddr_in and sockaddr_in6. */
const UNION = 28

/** struct mptcp_sub_info, 56 bytes. Undefined for an unused slot. */
export function decodeSubInfo(from: Buffer): { local: SocketAddress; remote: SocketAddress } | undefined {
  const local = decodeSockaddr(from, 0)
  const remote = decodeSockaddr(from, UNION)
  return local === undefined || remote === undefined ? undefined : { local, remote }
}

/** One line of /proc/net/mptcp_net/mptcp: a connection by the addresses of its first subflow. */
export interface ListedConnection {
  /** Undefined for readers without CAP_NET_ADMIN, who are shown -1. */
  token?: number
  family: typeof AF_INET | typeof AF_INET6
  local: SocketAddress
  remote: SocketAddress
  subflows: number
}

const LINE =
  /^\s*\d+: ([0-9A-F]+) [0-9A-F]+ +([01]) ([0-9A-F]+):([0-9A-F]{4}) +([0-9A-F]+):([0-9A-F]{4}) +[0-9A-F]+ ([0-9A-F]+) /

export function parseConnections(text: string): ListedConnection[] {
  return text.split('\n').flatMap((line) => {
    const [, token = '', v6, localIP = '', localPort = '', remoteIP = '', remotePort = '', subflows = ''] =
      LINE.exec(line) ?? []
    if (v6 === undefined) return []
    const value = parseInt(token, 16)
    return {
      ...(value !== 0xffffffff && { token: value }),
      family: v6 === '1' ? AF_INET6 : AF_INET,
      local: { address: address(localIP), port: parseInt(localPort, 16) },
      remote: { address: address(remoteIP), port: parseInt(remotePort, 16) },
      subflows: parseInt(subflows, 16),
    }
  })
}

/** The kernel prints each 32-bit word of the address, network order in memory, as a number of the machine. */
function address(hex: string): string {
  return formatIP(Buffer.concat((hex.match(/.{8}/g) ?? []).map((word) => putU32(parseInt(word, 16)))))
}
