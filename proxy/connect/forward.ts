/**
 * A request in absolute-form, as programs with an `http_proxy` send it, made ready for the
 * server itself (RFC 9112 §3.2.2, RFC 9110 §7.6). Only the head is rewritten; the body follows
 * as it comes. So its length must be beyond doubt, and the connection ends with the response.
 */
import { isIPv6 } from 'node:net'
import type { AbsoluteTarget, Authority } from '../http/authority.js'
import { RequestProblem, valuesOf, type Field, type RequestHead } from '../http/request-head.js'

/** Concern this connection alone, or are ours to write. `Transfer-Encoding` stays: the body does as well. */
const OURS = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'upgrade',
])
/** Without these the server would see another message than we do. */
const FRAMING = ['content-length', 'transfer-encoding', 'host']

/**
 * The head for the server. The client's HTTP version is kept, for the response goes back
 * untouched and must suit the client. @throws {RequestProblem}
 */
export function originHead(head: RequestHead, { authority, path }: AbsoluteTarget): Buffer {
  checkFraming(head)
  const dropped = connectionOptions(head)
  const version = `1.${head.minor}`
  const kept = head.fields.filter(({ name }) => {
    const plain = name.toLowerCase()
    return !OURS.has(plain) && !dropped.has(plain)
  })
  const fields: Field[] = [
    { name: 'Host', value: hostValue(authority) },
    ...kept.map((field) => oneHopLess(head.method, field)),
    { name: 'Via', value: `${version} mptk` },
    { name: 'Connection', value: 'close' },
  ]
  // RFC 9112 §3.2.4: an empty path of OPTIONS asks about the server itself
  const target = path !== '' ? path : head.method === 'OPTIONS' ? '*' : '/'
  const lines = fields.map(({ name, value }) => `${name}: ${value}\r\n`)
  return Buffer.from(`${head.method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1')
}

/**
 * RFC 9112 §6.3: at most one length, and no doubt which; the ways in which two programs could
 * disagree about where a body ends are refused, even those that are only bad style.
 */
function checkFraming(head: RequestHead): void {
  const lengths = valuesOf(head, 'content-length')
  const codings = valuesOf(head, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new RequestProblem('the length of the body is ambiguous')
  const [length] = lengths
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw new RequestProblem(`expected a length, found ${JSON.stringify(length)}`)
  }
  const [coding] = codings
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || head.minor === 0)) {
    throw new RequestProblem(`expected chunked in HTTP/1.1, found ${JSON.stringify(coding)}`)
  }
}

/** Names of fields that end here by the client's own word. */
function connectionOptions(head: RequestHead): Set<string> {
  const options = valuesOf(head, 'connection')
    .flatMap((value) => value.split(','))
    .map((option) => option.trim().toLowerCase())
  const wrong = options.find((option) => FRAMING.includes(option))
  if (wrong !== undefined) throw new RequestProblem(`${wrong} is no connection option`)
  return new Set(options)
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
