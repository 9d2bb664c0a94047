/** Why a connection was not made, as an HTTP status and a Proxy-Status (RFC 9209 §2.3). */
import { MptkError } from '../../src/errors.js'
import { UpstreamRefused, UpstreamUnreachable } from '../egress/upstream-errors.js'
import { encodeResponse, RETRY_LATER, type Status } from '../http/response.js'
import { LimitReached } from '../limits.js'
import { REPLY, type Reply } from '../socks5/codec.js'
import { replyFor } from '../socks5/reply.js'

interface Failure {
  status: Status
  /** RFC 9209's name for it. */
  error: string
  text: string
}

const UNROUTABLE: Failure = {
  status: 502,
  error: 'destination_ip_unroutable',
  text: 'there is no way to the destination',
}
const NO_NAME: Failure = { status: 502, error: 'dns_error', text: 'the name of the destination is not known' }
const NO_UPSTREAM: Failure = {
  status: 503,
  error: 'destination_unavailable',
  text: 'the next proxy cannot be reached',
}
const NOT_SERVED: Failure = {
  status: 502,
  error: 'proxy_configuration_error',
  text: 'the next proxy does not serve this one',
}
/** What other clients have is in the way, here or at the next proxy. */
const FULL: Failure = { status: 503, error: 'connection_limit_reached', text: 'too many connections' }
/** What this client has itself is in the way (RFC 6585 §4). */
const TOO_MANY: Failure = { ...FULL, status: 429, text: 'too many connections of yours' }
const OTHERWISE: Failure = {
  status: 502,
  error: 'proxy_internal_error',
  text: 'the destination could not be connected to',
}

/** One taxonomy for both protocols: what SOCKS5 would reply decides. */
const BY_REPLY: Partial<Record<Reply, Failure>> = {
  [REPLY.notAllowed]: { status: 403, error: 'http_request_denied', text: 'the destination is not allowed' },
  [REPLY.networkUnreachable]: UNROUTABLE,
  [REPLY.hostUnreachable]: UNROUTABLE,
  [REPLY.connectionRefused]: {
    status: 502,
    error: 'connection_refused',
    text: 'the destination refused the connection',
  },
  [REPLY.ttlExpired]: {
    status: 504,
    error: 'connection_timeout',
    text: 'the destination did not answer in time',
  },
}

export function failureFor(error: unknown): Failure {
  if (error instanceof UpstreamUnreachable) return NO_UPSTREAM
  if (error instanceof UpstreamRefused) return error.reason === 'limit' ? FULL : NOT_SERVED
  if (error instanceof LimitReached) {
    return error.limit === 'perUser' || error.limit === 'perSource' ? TOO_MANY : FULL
  }
  if (error instanceof MptkError && error.code === 'MPTK_RESOLVE') return NO_NAME
  return BY_REPLY[replyFor(error)] ?? OTHERWISE
}

/** @param headOnly for an answer to HEAD */
export function failureResponse(reason: unknown, headOnly: boolean): Buffer {
  const { status, error, text } = failureFor(reason)
  return encodeResponse(status, {
    fields: {
      'Proxy-Status': `mptk; error=${error}`,
      ...(status === 429 || status === 503 ? RETRY_LATER : {}),
    },
    body: `${text}\n`,
    headOnly,
  })
}
