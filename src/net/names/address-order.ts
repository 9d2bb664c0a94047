/** Which family of addresses to try first, as RFC 6724 would: by the source address that the kernel would take. */
import { PrefixSet } from '../../address.js'
import { errnoName } from '../../errors.js'
import { sourceTowards } from '../../kernel/route-lookup.js'

/** RFC 4291 §2.4, RFC 4193, RFC 4291 §2.5.3: an IPv6 source is as good as IPv4's within its own kind only. */
const KINDS = ['2000::/3', 'fc00::/7', 'fe80::/10', '::1'].map((prefix) => new PrefixSet([prefix]))

/** a1 b1 a2 b2 …, then the rest of the longer list. */
export function interleave<T>(a: readonly T[], b: readonly T[]): T[] {
  const out: T[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) out.push(...a.slice(i, i + 1), ...b.slice(i, i + 1))
  return out
}

/** Families alternate (RFC 8305 §4), IPv6 first where this host can reach it from an address of the same kind. */
export function inOrder({ ipv4, ipv6 }: { ipv4: readonly string[]; ipv6: readonly string[] }): string[] {
  const [first] = ipv6
  if (first === undefined || ipv4.length === 0) return [...ipv4, ...ipv6]
  return suits(first) ? interleave(ipv6, ipv4) : interleave(ipv4, ipv6)
}

function suits(address: string): boolean {
  try {
    const source = sourceTowards(address)
    return source !== undefined && KINDS.some((kind) => kind.has(address) && kind.has(source))
  } catch (error) {
    if (errnoName(error) === undefined) throw error
    // no IPv6 here, or no socket to ask the kernel with
    return false
  }
}
