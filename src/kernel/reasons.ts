/** Why a socket or a connection is TCP: the one place for these phrases. They appear in logs, records and status. */
import { errnoName } from '../errors.js'

export const REASON = {
  configured: 'configured',
  notBuilt: 'this kernel was built without MPTCP',
  disabledUpstream: 'net.mptcp.enabled is 0 in this network namespace',
  disabledOutOfTree: 'net.mptcp.mptcp_enabled is 0',
  clientDidNotAsk: 'the client did not ask for MPTCP',
  peerAnsweredWithout: 'the peer answered without MPTCP, or a middlebox removed the option',
  lostLater: 'fell back after the handshake: a middlebox altered or removed MPTCP options',
  notNegotiated: 'the peer does not speak this kernel’s MPTCP, or a middlebox removed the option',
  loopback: 'this kernel never uses MPTCP on loopback',
  plain: 'opened as TCP',
} as const

/** Why an MPTCP socket could not be opened, for an errno that does not speak for itself. */
export function refusedReason(error: unknown): string {
  return `the kernel refuses MPTCP sockets to this process (${errnoName(error) ?? String(error)})`
}
