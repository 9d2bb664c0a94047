/** The host that an HTTP/1.x request is for (RFC 9112 §3.2), read without touching it. */
import { requestedHost } from '../http/authority.js'
import { decodeRequestHead, RequestProblem, type RequestHead } from '../http/request-head.js'
import type { Status } from '../http/response.js'
import type { Opening } from './opening.js'

/** With the head, where there is a right one: then it was taken from the bytes, else every byte is left. */
export type HttpOpening = Opening & { head?: RequestHead; status?: Status }

/** Undefined while undecided. Throws nothing. */
export function decodeHost(bytes: Buffer): { value: HttpOpening; length: number } | undefined {
  try {
    const decoded = decodeRequestHead(bytes)
    if (decoded === undefined) return undefined
    const { value: head, length } = decoded
    const name = requestedHost(head)?.host
    if (name === undefined)
      return { value: { kind: 'nameless', why: 'the request names no host', head }, length }
    return { value: { kind: 'site', name, head }, length }
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error
    const kind = error.http ? 'invalid' : 'foreign'
    return { value: { kind, why: error.message, status: error.status }, length: 0 }
  }
}
