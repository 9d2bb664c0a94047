/** Where a message ends (RFC 9112 §6.3). */
import { listOf, valuesOf } from './fields.js'
import { RequestProblem, type RequestHead } from './request-head.js'
import { ResponseProblem, type ResponseHead } from './response-head.js'

/** After so many bytes, with the last chunk, or (of a response alone) with the connection. */
export type RequestEnd = number | 'chunked'
export type ResponseEnd = RequestEnd | undefined

/** Without these a server would see another message than we do: they are no connection options. */
const FRAMING = ['content-length', 'transfer-encoding', 'host']

/**
 * At most one length, and no doubt which; the ways in which two programs could disagree about where
 * a body ends are refused, even those that are only bad style. @throws {RequestProblem}
 */
export function requestEnd(head: RequestHead): RequestEnd {
  const wrong = listOf(head, 'connection').find((option) => FRAMING.includes(option))
  if (wrong !== undefined) throw new RequestProblem(`${wrong} is no connection option`)
  const lengths = valuesOf(head, 'content-length')
  const codings = valuesOf(head, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new RequestProblem('the length of the body is ambiguous')
  const [length] = lengths
  if (length !== undefined && !isLength(length)) {
    throw new RequestProblem(`expected a length, found ${JSON.stringify(length)}`)
  }
  const [coding] = codings
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || head.minor === 0)) {
    throw new RequestProblem(`expected chunked in HTTP/1.1, found ${JSON.stringify(coding)}`)
  }
  return coding !== undefined ? 'chunked' : Number(length ?? 0)
}

/**
 * A length beside a coding is overruled by it, equal lengths are one (RFC 9110 §8.6), lengths that differ
 * are no response. @throws {ResponseProblem}
 */
export function responseEnd(method: string, head: ResponseHead): ResponseEnd {
  const { status } = head
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  const codings = listOf(head, 'transfer-encoding')
  if (codings.length > 0) return endByCoding(codings)
  const lengths = new Set(valuesOf(head, 'content-length').flatMap((value) => value.split(/[ \t]*,[ \t]*/)))
  const [length] = lengths
  if (length === undefined) return undefined
  if (lengths.size > 1 || !isLength(length)) {
    throw new ResponseProblem(
      `expected a length from the server, found ${JSON.stringify([...lengths].join(', '))}`,
    )
  }
  return Number(length)
}

function endByCoding(codings: string[]): ResponseEnd {
  const at = codings.indexOf('chunked')
  if (at === -1) return undefined
  if (at < codings.length - 1) throw new ResponseProblem('the server applies a coding after chunked')
  return 'chunked'
}

function isLength(text: string): boolean {
  return /^\d{1,15}$/.test(text)
}
