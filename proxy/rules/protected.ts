/**
 * Addresses a proxy must not be talked into reaching: services that trust whoever comes from
 * this host (loopback, its own addresses) or from the same wire (link-local, cloud metadata),
 * and what is no unicast destination at all.
 */
import { networkInterfaces } from 'node:os'
import { plainAddress, PrefixSet, withoutZone } from '../../src/address.js'

const KINDS: readonly [string, PrefixSet][] = [
  ['it is a loopback address', new PrefixSet(['127.0.0.0/8', '::1'])],
  ['it is a link-local address', new PrefixSet(['169.254.0.0/16', 'fe80::/10'])],
  ['it means this host', new PrefixSet(['0.0.0.0/8', '::'])],
  ['it is a multicast or broadcast address', new PrefixSet(['224.0.0.0/4', '255.255.255.255', 'ff00::/8'])],
]

/** How long this host's list of addresses may be old, milliseconds. */
const FRESH = 2000
let own = { addresses: new Set<string>(), until: 0 }

/** Why the address is protected, or undefined when it is not. */
export function protectedReason(address: string): string | undefined {
  const plain = withoutZone(plainAddress(address))
  const kind = KINDS.find(([, prefixes]) => prefixes.has(plain))
  if (kind !== undefined) return kind[0]
  return ownAddresses().has(plain) ? "it is the proxy host's own address" : undefined
}

function ownAddresses(): Set<string> {
  const now = performance.now()
  if (now >= own.until) {
    const found = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    own = { addresses: new Set(found.map((entry) => plainAddress(entry.address))), until: now + FRESH }
  }
  return own.addresses
}
