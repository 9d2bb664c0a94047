/**
 * struct tcp_info (include/uapi/linux/tcp.h). Fields are only ever added at its end: 224
 * bytes in 4.19, 232 in 5.15, 248 in 6.6, 280 in 6.18.
 */
import type { Subflow, TcpState } from './kernel.js'
import { u32, u64, u8 } from './struct.js'

export type TcpInfo = Omit<Subflow, 'id' | 'local' | 'remote' | 'backup' | 'congestion'>

/** Indexed by tcpi_state (include/net/tcp_states.h). */
const STATES: readonly TcpState[] = [
  'unknown',
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'close',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
  'new-syn-recv',
]

/** Byte offsets. */
const AT = {
  state: 0,
  rtt: 68,
  rttVariation: 72,
  congestionWindow: 80,
  totalRetransmissions: 100,
  bytesReceived: 128,
  deliveryRate: 160,
  bytesSent: 200,
  bytesRetransmitted: 208,
} as const

/** The kernel's microseconds in milliseconds. */
const milliseconds = (value: number | undefined): number => (value ?? 0) / 1000

export function decodeTcpInfo(info: Buffer): TcpInfo {
  const bytesSent = u64(info, AT.bytesSent)
  const bytesReceived = u64(info, AT.bytesReceived)
  const bytesRetransmitted = u64(info, AT.bytesRetransmitted)
  const deliveryRate = u64(info, AT.deliveryRate)
  return {
    state: STATES[u8(info, AT.state) ?? 0] ?? 'unknown',
    rtt: milliseconds(u32(info, AT.rtt)),
    rttVariation: milliseconds(u32(info, AT.rttVariation)),
    ...(bytesSent !== undefined && { bytesSent }),
    ...(bytesReceived !== undefined && { bytesReceived }),
    ...(bytesRetransmitted !== undefined && { bytesRetransmitted }),
    retransmissions: u32(info, AT.totalRetransmissions) ?? 0,
    ...(deliveryRate !== undefined && { deliveryRate }),
    congestionWindow: u32(info, AT.congestionWindow) ?? 0,
  }
}
