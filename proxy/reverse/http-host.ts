/** The host that the first HTTP/1.x request of a connection is for (RFC 9112 §3.2), read without touching it. */
import { requestedHost } from '../http/authority.js'
import { decodeRequestHead, MAX_HEAD, RequestProblem } from '../http/request-head.js'
import { encodeResponse, RETRY_LATER } from '../http/response.js'
import type { Opening, OpeningProtocol, Refusal } from './opening.js'

/** RFC 9110 §15.5.20: 421 is for a request that this server is not configured to answer. */
const STATUS = {
  unknown: 421,
  nameless: 421,
  foreign: 400,
  invalid: 400,
  unreachable: 502,
  limit: 503,
} as const

export const httpHost: OpeningProtocol = {
  decode(bytes) {
    const value = decodeHost(bytes)
    return value === undefined ? undefined : { value, length: 0 }
  },
  limit: MAX_HEAD,
  refusal: (why: Refusal) => encodeResponse(STATUS[why], why === 'limit' ? { fields: RETRY_LATER } : {}),
}

function decodeHost(bytes: Buffer): Opening | undefined {
  try {
    const head = decodeRequestHead(bytes)
    if (head === undefined) return undefined
    const name = requestedHost(head.value)?.host
    return name === undefined
      ? { kind: 'nameless', why: 'the request names no host' }
      : { kind: 'site', name }
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error
    return { kind: error.http ? 'invalid' : 'foreign', why: error.message }
  }
}
