import { familyOf, plainAddress } from '../src/address.js'

/** The one form of a host that rules and logs see, or undefined where a client's word cannot be one. */
export function plainHost(given: string): string | undefined {
  const host = given.toLowerCase().replace(/\.$/, '')
  if (familyOf(host) !== 0) return plainAddress(host)
  // the resolver would stop at a NUL and read brackets, spaces and the like in its own way
  return /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host) ? host : undefined
}
