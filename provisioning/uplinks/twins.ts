/**
 * Uplinks with the same address, as modems give out that come with the same settings: rules and
 * endpoints go by address, so only the first of them can be used. Pure.
 */
import type { InterfaceFacts } from '../facts.js'

/** Addresses that uplinks have already, each with whose it is. */
export type Claims = Map<string, string>

export interface Distinct<Facts> {
  /** Without the addresses of others. */
  facts: Facts
  /** The first address that is another's, and whose. */
  twin?: { address: string; of: string }
}

/** Claims what is left for the uplink of this name. */
export function distinct<Facts extends Pick<InterfaceFacts, 'addresses'>>(
  name: string,
  facts: Facts,
  claims: Claims,
): Distinct<Facts> {
  const taken = facts.addresses.filter(({ address }) => claims.has(address))
  const own = facts.addresses.filter(({ address }) => !claims.has(address))
  for (const { address } of own) claims.set(address, name)
  const [first] = taken
  const of = first === undefined ? undefined : claims.get(first.address)
  if (first === undefined || of === undefined) return { facts }
  return { facts: { ...facts, addresses: own }, twin: { address: first.address, of } }
}
