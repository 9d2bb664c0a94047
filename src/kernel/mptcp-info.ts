/**
 * struct mptcp_info, mptcp_subflow_addrs and mptcp_subflow_info of upstream kernels
 * (include/uapi/linux/mptcp.h). mptcp_info has 48 bytes in 5.15, 80 in 6.6, 96 in 6.12.
 */
import type { SocketAddress } from '../address.js'
import { decodeSockaddr } from './sockaddr.js'
import { u32, u64, u8 } from './struct.js'

export interface MptcpInfo {
  /** Subflows beside the initial one. */
  extraSubflows: number
  /** MPTCP_INFO_FLAG_FALLBACK. */
  fellBack: boolean
  token?: number
  bytesSent?: number
  bytesReceived?: number
  /** Every subflow, the initial one counted; 0 when none is left. */
  subflowsTotal?: number
}

const AT = {
  extraSubflows: 0,
  flags: 8,
  token: 12,
  bytesSent: 56,
  bytesReceived: 64,
  subflowsTotal: 80,
} as const
const FLAG_FALLBACK = 1

export function decodeMptcpInfo(info: Buffer): MptcpInfo {
  const token = u32(info, AT.token)
  const bytesSent = u64(info, AT.bytesSent)
  const bytesReceived = u64(info, AT.bytesReceived)
  const subflowsTotal = u8(info, AT.subflowsTotal)
  return {
    extraSubflows: u8(info, AT.extraSubflows) ?? 0,
    fellBack: ((u32(info, AT.flags) ?? 0) & FLAG_FALLBACK) !== 0,
    ...(token !== undefined && { token }),
    ...(bytesSent !== undefined && { bytesSent }),
    ...(bytesReceived !== undefined && { bytesReceived }),
    ...(subflowsTotal !== undefined && { subflowsTotal }),
  }
}

/** sizeof(struct sockaddr_storage) as the kernel's union pads to. */
const STORAGE = 128

export interface SubflowAddresses {
  id?: number
  local: SocketAddress
  remote: SocketAddress
}

/** Reads either struct; the longer one begins with the subflow's id, padded to 8 bytes. Undefined for an unused slot. */
export function decodeSubflowAddresses(from: Buffer): SubflowAddresses | undefined {
  const withId = from.length >= 8 + 2 * STORAGE
  const start = withId ? 8 : 0
  const local = decodeSockaddr(from, start)
  const remote = decodeSockaddr(from, start + STORAGE)
  if (local === undefined || remote === undefined) return undefined
  const id = withId ? u32(from, 0) : undefined
  return { ...(id !== undefined && { id }), local, remote }
}
