/** Who a request is for: authorities and the Host field (RFC 9110 §4.2, §7.2; RFC 9112 §3.2). */
import { isIPv6 } from 'node:net'
import { valuesOf } from './fields.js'
import { RequestProblem, type RequestHead } from './request-head.js'

export interface Authority {
  /** Without brackets, in the case it was written. */
  host: string
  port: number | undefined
}

/** `host`, `host:port`, `[IPv6]:port`; user information and percent-encoding are refused. @throws {RequestProblem} */
export function parseAuthority(text: string): Authority {
  const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{0,5}))?$/i.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined || match[3] === '' ? undefined : Number(match[3])
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host)) || (port ?? 1) > 65535) {
    throw new RequestProblem(`expected host or host:port, found ${JSON.stringify(text)}`)
  }
  return { host, port }
}

export interface AbsoluteTarget {
  scheme: string
  authority: Authority
  /** `/path?query`; empty where there is neither. */
  path: string
}

/** A target in absolute-form, or undefined where it has another form. @throws {RequestProblem} */
export function absoluteTarget(target: string): AbsoluteTarget | undefined {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)(#?)/i.exec(target)
  if (match === null) return undefined
  const [, scheme = '', authority = '', path = '', fragment] = match
  if (fragment !== '') throw new RequestProblem('the request target has a fragment')
  return {
    scheme: scheme.toLowerCase(),
    authority: parseAuthority(authority),
    path: path.startsWith('?') ? `/${path}` : path,
  }
}

/**
 * The host that the request is for: that of the target, where it has one, else that of Host.
 * Undefined where it names none, which HTTP/1.0 allows.
 * @throws {RequestProblem} unless there is at most one Host, with a valid value
 */
export function requestedHost(head: RequestHead): Authority | undefined {
  const [value, ...more] = valuesOf(head, 'host')
  if (more.length > 0) throw new RequestProblem(`expected one Host field, found ${more.length + 1}`)
  if (value === undefined && head.minor > 0) throw new RequestProblem('the request has no Host field')
  const field = value === undefined || value === '' ? undefined : parseAuthority(value)
  if (head.method === 'CONNECT') return parseAuthority(head.target)
  return absoluteTarget(head.target)?.authority ?? field
}
