/**
 * A request in absolute-form, as programs with an `http_proxy` send it, made ready for the
 * server itself, and the server's answer made ready for the client (RFC 9112 §3.2.2, RFC 9110 §7.6).
 * Heads are written anew, bodies pass as they come, and the connection ends with the response.
 */
import { isIPv6 } from 'node:net'
import type { AbsoluteTarget, Authority } from '../http/authority.js'
import { encodeHead, endToEnd, listOf, valuesOf, type Field } from '../http/fields.js'
import { responseEnd, type ResponseEnd } from '../http/framing.js'
import type { RequestHead } from '../http/request-head.js'
import { ResponseProblem, type ResponseHead } from '../http/response-head.js'
import { upgradeFields } from '../http/upgrade.js'

/** Each hop says its own version (RFC 9110 §2.5). */
const VERSION = 'HTTP/1.1'
const CLOSE: Field = { name: 'Connection', value: 'close' }

/** The head for the server. @param upgrades the protocols that it may switch to */
export function originHead(
  head: RequestHead,
  { authority, path }: AbsoluteTarget,
  upgrades: readonly string[] = [],
): Buffer {
  const kept = endToEnd(head).filter(({ name }) => !isOurs(head, name.toLowerCase()))
  const fields: Field[] = [
    { name: 'Host', value: hostValue(authority) },
    ...kept.map((field) => oneHopLess(head.method, field)),
    via(head.minor),
    ...(upgrades.length > 0 ? upgradeFields(upgrades) : [CLOSE]),
  ]
  // RFC 9112 §3.2.4: an empty path of OPTIONS asks about the server itself
  const target = path !== '' ? encoded(path) : head.method === 'OPTIONS' ? '*' : '/'
  return encodeHead(`${head.method} ${target} ${VERSION}`, fields)
}

/** Host is written anew; RFC 9110 §10.1.1: an expectation of HTTP/1.0 is to be ignored. */
function isOurs({ minor }: RequestHead, name: string): boolean {
  return name === 'host' || (name === 'expect' && minor === 0)
}

/** Raw UTF-8 becomes what it should have been (RFC 3986 §2.1). */
function encoded(path: string): string {
  return path.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** RFC 9110 §7.6.3: the version is that of the message received. */
function via(minor: number): Field {
  return { name: 'Via', value: `1.${minor} mptk` }
}

/** RFC 9110 §7.6.2; {@link isLastHop} has dealt with 0. */
function oneHopLess(method: string, field: Field): Field {
  const counted = method === 'OPTIONS' && field.name.toLowerCase() === 'max-forwards'
  if (!counted || !/^\d{1,9}$/.test(field.value)) return field
  return { ...field, value: String(Number(field.value) - 1) }
}

/** Whether this proxy itself shall answer, by Max-Forwards. */
export function isLastHop(head: RequestHead): boolean {
  return head.method === 'OPTIONS' && valuesOf(head, 'max-forwards').some((value) => /^0+$/.test(value))
}

function hostValue({ host, port }: Authority): string {
  const name = isIPv6(host) ? `[${host}]` : host
  return port === undefined || port === 80 ? name : `${name}:${port}`
}

/**
 * The head for the client, and where the body behind it ends: `decoded` where the server's is chunked and the
 * client, of HTTP/1.0, must not be sent that. @throws {ResponseProblem}
 */
export function clientHead(
  request: RequestHead,
  answer: ResponseHead,
): { head: Buffer; end: ResponseEnd | 'decoded' } {
  // only a proxy says this, and only of itself (RFC 9110 §15.5.8): its words would cost the client this proxy's password
  if (answer.status === 407) throw new ResponseProblem('the server asks for the password of a proxy')
  const end = responseEnd(request.method, answer)
  const old = request.minor === 0
  if (old && end === undefined && valuesOf(answer, 'transfer-encoding').length > 0) {
    throw new ResponseProblem('the server applies a coding that HTTP/1.0 has not')
  }
  return {
    head: written(answer, [...framed(answer, end, old), via(answer.minor), CLOSE]),
    end: old && end === 'chunked' ? 'decoded' : end,
  }
}

/** An interim response (RFC 9110 §15.2). Without `Connection: close`: clients take it for the end of everything. */
export function interimHead(answer: ResponseHead): Buffer {
  return written(answer, [...endToEnd(answer).filter(({ name }) => !isFraming(name)), via(answer.minor)])
}

/** The answer to an upgrade: what follows it is opaque. */
export function switchHead(answer: ResponseHead): Buffer {
  const fields = endToEnd(answer).filter(({ name }) => !isFraming(name))
  return written(answer, [...fields, via(answer.minor), ...upgradeFields(listOf(answer, 'upgrade'))])
}

function written({ status, reason }: ResponseHead, fields: Field[]): Buffer {
  return encodeHead(`${VERSION} ${status} ${reason}`, fields)
}

/** RFC 9112 §6.3: one statement of the length alone, the one that was followed. */
function framed(answer: ResponseHead, end: ResponseEnd, old: boolean): Field[] {
  const [length] = valuesOf(answer, 'content-length')
  const plain = endToEnd(answer).filter(({ name }) => !isFraming(name))
  const codings = old ? [] : answer.fields.filter(({ name }) => name.toLowerCase() === 'transfer-encoding')
  if (answer.status === 204) return plain
  if (codings.length > 0) return [...plain, ...codings]
  // of HEAD and 304 it says what there would be
  const stated = typeof end === 'number' && length !== undefined && /^\d{1,15}(?:[ \t]*,|$)/.test(length)
  return stated ? [...plain, { name: 'Content-Length', value: length.split(',')[0] ?? '' }] : plain
}

function isFraming(name: string): boolean {
  return ['content-length', 'transfer-encoding'].includes(name.toLowerCase())
}
