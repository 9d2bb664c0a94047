/**
 * A client that speaks another protocol than the port it came to, a program set up wrongly most often: recognised by its first
 * bytes, and told so in words of its own protocol.
 */
import { encodeResponse } from './http/response.js'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PRI']

/** RFC 8446 §6: alert record, TLS 1.2 as its legacy version, fatal, handshake_failure. */
const TLS_ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 40])
/** SOCKS4's reply 91: request rejected or failed. */
const SOCKS4_REFUSAL = Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0])
/** RFC 1928 §3: no acceptable methods. */
const SOCKS5_REFUSAL = Buffer.from([5, 0xff])

export type Spoken = 'http' | 'tls' | 'socks4' | 'socks5'

/** What the first bytes are the beginning of, perhaps after one byte only; undefined where it is none of these. */
export function spokenBy(bytes: Buffer): Spoken | undefined {
  const [first, second] = bytes
  if (first === 0x16 && (second === undefined || second === 3)) return 'tls'
  if (first === 4 && (second === undefined || second === 1 || second === 2)) return 'socks4'
  if (first === 5) return 'socks5'
  const word = bytes.toString('latin1', 0, 8)
  const isHttp =
    word !== '' && METHODS.some((method) => `${method} `.startsWith(word) || word.startsWith(`${method} `))
  return isHttp ? 'http' : undefined
}

/**
 * What to answer; undefined where there is nothing that the client would understand.
 * @param hint for a reader, where the protocol has room for one: what this port is, and what to use in its place
 */
export function wrongProtocol(bytes: Buffer, hint: string): Buffer | undefined {
  switch (spokenBy(bytes)) {
    case 'http':
      return encodeResponse(400, { body: `${hint}\n` })
    case 'tls':
      return TLS_ALERT
    case 'socks4':
      return SOCKS4_REFUSAL
    case 'socks5':
      return SOCKS5_REFUSAL
    case undefined:
      return undefined
  }
}
