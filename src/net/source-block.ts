/** Who counts as one where sources are counted: an IPv4 address, or the /64 of an IPv6 address (RFC 6177: a site has at least that). */
import { plainAddress, withoutZone } from '../address.js'

/** @param address an IP literal; an IPv4-mapped one counts as IPv4. All hosts of a link have one link-local prefix: there each is one. */
export function sourceBlock(address: string): string {
  const plain = withoutZone(plainAddress(address))
  if (!plain.includes(':') || plain === '::1' || /^fe[89ab]/.test(plain)) return plain
  const [left = '', right] = plain.split('::')
  const groups = left.split(':').filter(Boolean)
  if (right !== undefined) {
    const tail = right.split(':').filter(Boolean)
    groups.push(...Array<string>(8 - groups.length - tail.length).fill('0'), ...tail)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
