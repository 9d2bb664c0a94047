/** Arithmetic on prefixes. */
import { familyOf, plainAddress } from '../../src/address.js'
import { parseIP, formatIP } from '../../src/kernel/sockaddr.js'

/** `10.0.1.0/24` of 10.0.1.2 and 24. */
export function networkOf(address: string, prefixLength: number): string {
  const bytes = Buffer.from(parseIP(address))
  for (let bit = prefixLength; bit < bytes.length * 8; bit++) {
    const byte = bit >> 3
    bytes[byte] = (bytes[byte] ?? 0) & ~(0x80 >> (bit & 7))
  }
  return `${formatIP(bytes)}/${prefixLength}`
}

/** `10.0.1.9/24` as its network, `10.0.1.9` as it is: as nft and ip list it. */
export function networkOfPrefix(prefix: string): string {
  const [address = '', length] = prefix.split('/')
  if (length === undefined) return plainAddress(address)
  return networkOf(address, Number(length))
}

/** True when an address and a prefix have a family in common. */
export function isFamily(prefix: string, family: 4 | 6): boolean {
  return familyOf(prefix.split('/')[0] ?? '') === family
}
