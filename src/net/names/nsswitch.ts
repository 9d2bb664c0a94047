/** The `hosts:` line of /etc/nsswitch.conf (nsswitch.conf(5)): who is asked for addresses, in which order. */

export interface NameSource {
  /** `files`, `dns`, or another module of the system, as `mdns4_minimal`. */
  module: string
  /** What it does not find is not asked of the others. */
  final: boolean
}

/** What glibc does without the file or the line. */
const DEFAULT: NameSource[] = [
  { module: 'files', final: false },
  { module: 'dns', final: false },
]

/**
 * `resolve` counts as `dns`: where systemd-resolved runs, resolv.conf names it. Its
 * `[!UNAVAIL=return]` then means nothing.
 */
export function parseNsswitch(text: string): NameSource[] {
  const line = text
    .split('\n')
    .map((each) => (each.split('#', 1)[0] ?? '').trim())
    .findLast((each) => /^hosts\s*:/.test(each))
  if (line === undefined) return DEFAULT
  const sources: NameSource[] = []
  let before: string | undefined
  for (const word of line.replace(/^hosts\s*:/, '').match(/\[[^\]]*\]|[^\s[\]]+/g) ?? []) {
    if (word.startsWith('[')) {
      const last = sources.at(-1)
      if (last !== undefined && before !== 'resolve') last.final ||= endsTheSearch(word)
      continue
    }
    before = word
    const module = word === 'resolve' ? 'dns' : word
    if (!sources.some((source) => source.module === module)) sources.push({ module, final: false })
  }
  return sources.length > 0 ? sources : DEFAULT
}

/** `[NOTFOUND=return]`, `[!UNAVAIL=return]`: a name that is not found is at its end there. */
function endsTheSearch(actions: string): boolean {
  const words = actions.slice(1, -1).toUpperCase().split(/\s+/)
  return words.includes('NOTFOUND=RETURN') || words.includes('!UNAVAIL=RETURN')
}
