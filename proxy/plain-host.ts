/** What a client says of a host, in the one form that rules, logs, resolver and upstream see. */
import { domainToUnicode } from 'node:url'
import { endsInNumber, familyOf, plainAddress } from '../src/address.js'
import { inetAton } from '../src/net/names/inet-aton.js'

/**
 * The host in lower case without a dot at its end. What getaddrinfo would take for an IPv4 address
 * (`10.66051`, `0x0a010203`, `010.1.2.3`) is that address here already: a next proxy that gets it
 * as a name would read it so, past every rule about addresses.
 * @returns undefined where a client's word is no host
 */
export function plainHost(given: string): string | undefined {
  const host = given.toLowerCase().replace(/\.$/, '')
  if (familyOf(host) !== 0) return plainAddress(host)
  // the resolver would stop at a NUL and read brackets, spaces and the like in its own way
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host)) return undefined
  if (endsInNumber(host)) return inetAton(host)
  return isHiddenNumber(host) ? undefined : host
}

/** Labels in punycode that are no text in any language, or digits in disguise (UTS 46). */
function isHiddenNumber(host: string): boolean {
  if (!/(^|\.)xn--/.test(host)) return false
  const text = domainToUnicode(host)
  return text === '' || endsInNumber(text)
}
