/** HTTP Basic authentication of a proxy's clients (RFC 7617; RFC 9110 §11.7). */
import { valuesOf } from '../http/fields.js'
import { RequestProblem, type RequestHead } from '../http/request-head.js'

export const CHALLENGE = { 'Proxy-Authenticate': 'Basic realm="mptk", charset="UTF-8"' }

/** The credentials, or undefined where there are none that we can read. @throws {RequestProblem} */
export function proxyCredentials(head: RequestHead): { username: string; password: string } | undefined {
  const [value, ...more] = valuesOf(head, 'proxy-authorization')
  if (more.length > 0) throw new RequestProblem('the request has several Proxy-Authorization fields')
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
