/** inet_diag requests and answers about one TCP socket (include/uapi/linux/inet_diag.h). */
import { familyOf, withoutZone, type SocketAddress } from '../address.js'
import { decodeAttributes, encodeAttribute } from './netlink.js'
import { AF_INET, AF_INET6, formatIP, parseIP } from './sockaddr.js'
import { cString, putU32, u32 } from './struct.js'

const IPPROTO_TCP = 6
const IPPROTO_MPTCP = 262
const TCP_LISTEN = 10
const INET_DIAG_REQ_PROTOCOL = 3
const INET_DIAG_INFO = 2
const INET_DIAG_CONG = 4
const INET_DIAG_ULP_INFO = 19
const INET_ULP_INFO_MPTCP = 3
/** MPTCP_SUBFLOW_ATTR_FLAGS and two of its bits (include/uapi/linux/mptcp.h): the peer's wish and ours. */
const SUBFLOW_ATTR_FLAGS = 8
const FLAG_BACKUP_REMOTE = 1 << 4
const FLAG_BACKUP_LOCAL = 1 << 5
/** sizeof(struct inet_diag_msg). */
const MESSAGE = 72

/** struct inet_diag_req_v2 for exactly one socket; it must be bound to interface `index`, or to none. */
export function encodeLookup(local: SocketAddress, remote: SocketAddress, index: number): Buffer {
  const family = familyOf(withoutZone(local.address)) === 6 ? AF_INET6 : AF_INET
  // the kernel adds INET_DIAG_ULP_INFO, which has no bit of its own, where INET_DIAG_INFO is asked for
  const extensions = (1 << (INET_DIAG_INFO - 1)) | (1 << (INET_DIAG_CONG - 1))
  const head = Buffer.from([family, IPPROTO_TCP, extensions, 0])
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(local.port, 0)
  ports.writeUInt16BE(remote.port, 2)
  const everyState = putU32(0xffffffff)
  const noCookie = Buffer.alloc(8, 0xff)
  return Buffer.concat([
    ...[head, everyState, ports, slot(local), slot(remote)],
    ...[putU32(index), noCookie],
  ])
}

/** struct inet_diag_req_v2 for every MPTCP connection of a family. */
export function encodeMptcpDump(family: 4 | 6): Buffer {
  // the number of the protocol does not fit into the byte that is for it
  const head = Buffer.from([family === 4 ? AF_INET : AF_INET6, IPPROTO_TCP, 0, 0])
  const anySocket = Buffer.alloc(48)
  const protocol = encodeAttribute(INET_DIAG_REQ_PROTOCOL, putU32(IPPROTO_MPTCP))
  return Buffer.concat([head, putU32(0xffffffff & ~(1 << TCP_LISTEN)), anySocket, protocol])
}

/** The local address of the connection's first subflow, from struct inet_diag_msg; undefined for another family. */
export function decodeSource(payload: Buffer): string | undefined {
  const length = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 16 : 0
  return length === 0 || payload.length < MESSAGE ? undefined : formatIP(payload.subarray(8, 8 + length))
}

/** An address in the 16 bytes that hold either family. */
function slot({ address }: SocketAddress): Buffer {
  const bytes = Buffer.alloc(16)
  parseIP(address).copy(bytes)
  return bytes
}

export interface DiagnosedSubflow {
  congestion?: string
  /** Absent when the kernel does not tell: no CAP_NET_ADMIN, or not a subflow of MPTCP. */
  backup?: boolean
}

/** @throws {MptkError} MPTK_NETLINK */
export function decodeDiagnosis(payload: Buffer): DiagnosedSubflow {
  const attributes = decodeAttributes(payload.subarray(MESSAGE))
  const congestion = attributes.get(INET_DIAG_CONG)
  const flags = subflowFlags(attributes.get(INET_DIAG_ULP_INFO))
  return {
    ...(congestion !== undefined && { congestion: cString(congestion) }),
    ...(flags !== undefined && { backup: (flags & (FLAG_BACKUP_REMOTE | FLAG_BACKUP_LOCAL)) !== 0 }),
  }
}

function subflowFlags(ulp: Buffer | undefined): number | undefined {
  const mptcp = ulp === undefined ? undefined : decodeAttributes(ulp).get(INET_ULP_INFO_MPTCP)
  const flags = mptcp === undefined ? undefined : decodeAttributes(mptcp).get(SUBFLOW_ATTR_FLAGS)
  return flags === undefined ? undefined : u32(flags, 0)
}
