/** What became of a question for the addresses of a name. */

export type Answer =
  | {
      kind: 'found'
      ipv4: string[]
      ipv6: string[]
      /** How long it may be kept, milliseconds. */
      ttl: number
    }
  /** Nobody has such a name, or it has no address of the families asked for. */
  | { kind: 'missing' }
  /** Nobody could say. */
  | { kind: 'failed'; reason: string }

/** 0: both. */
export type Family = 0 | 4 | 6

/** The addresses of the families that are wanted; undefined when none is left. */
export function ofFamily(
  { ipv4, ipv6 }: { ipv4: string[]; ipv6: string[] },
  family: Family,
): { ipv4: string[]; ipv6: string[] } | undefined {
  const wanted = { ipv4: family === 6 ? [] : ipv4, ipv6: family === 4 ? [] : ipv6 }
  return wanted.ipv4.length + wanted.ipv6.length > 0 ? wanted : undefined
}
