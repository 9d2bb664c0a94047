/** Why a connection was not made, as a SOCKS5 reply code: the one place where the two meet. */
import { errnoName, MptkError } from '../../src/errors.js'
import { UpstreamRefused } from '../egress/upstream-errors.js'
import { UpstreamRefusal } from './client.js'
import { ProtocolError, REPLY, type Reply } from './codec.js'

const BY_ERRNO: Readonly<Record<string, Reply>> = {
  ECONNREFUSED: REPLY.connectionRefused,
  ENETUNREACH: REPLY.networkUnreachable,
  ENETDOWN: REPLY.networkUnreachable,
  EHOSTUNREACH: REPLY.hostUnreachable,
  EHOSTDOWN: REPLY.hostUnreachable,
  EAFNOSUPPORT: REPLY.hostUnreachable,
  // an address family or scope this host has no source address for
  EADDRNOTAVAIL: REPLY.networkUnreachable,
  ETIMEDOUT: REPLY.ttlExpired,
  // a firewall of this host forbids the destination
  EACCES: REPLY.notAllowed,
  EPERM: REPLY.notAllowed,
}

/** RFC 1928 §6. */
export function replyFor(error: unknown): Reply {
  if (error instanceof ProtocolError) return error.reply ?? REPLY.generalFailure
  if (error instanceof UpstreamRefusal) return error.reply
  if (error instanceof UpstreamRefused && error.reason === 'limit') return REPLY.limit
  if (error instanceof MptkError) {
    if (error.code === 'MPTK_LIMIT') return REPLY.limit
    if (error.code === 'MPTK_DENIED') return REPLY.notAllowed
    if (error.code === 'MPTK_RESOLVE') return REPLY.hostUnreachable
    if (error.code === 'MPTK_TIMEOUT') return REPLY.ttlExpired
  }
  return BY_ERRNO[errnoName(error) ?? ''] ?? REPLY.generalFailure
}
