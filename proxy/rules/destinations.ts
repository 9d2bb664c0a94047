/** What a configuration says of destinations: `example.org`, `*.example.org`, `*`, `10.0.0.0/8`. */
import { familyOf, PrefixSet } from '../../src/address.js'

export class DestinationPatterns {
  readonly #names: RegExp[]
  readonly #prefixes: PrefixSet | undefined

  /** @param patterns as the schema's `destinationPattern` lets them through */
  constructor(patterns: readonly string[]) {
    const prefixes = patterns.filter(isPrefix)
    this.#names = patterns.filter((pattern) => !isPrefix(pattern)).map(namePattern)
    this.#prefixes = prefixes.length > 0 ? new PrefixSet(prefixes) : undefined
  }

  /**
   * @param host as the client said it
   * @param address one of its addresses, undefined while nobody has looked
   * @returns `depends` when a prefix could match an address that is not known yet
   */
  matches(host: string, address: string | undefined): boolean | 'depends' {
    if (this.#names.some((name) => name.test(host))) return true
    if (this.#prefixes === undefined) return false
    return address === undefined ? 'depends' : this.#prefixes.has(address)
  }

  /** Whether a prefix holds the address, whatever the names say. */
  hasAddress(address: string): boolean {
    return this.#prefixes?.has(address) === true
  }
}

function isPrefix(pattern: string): boolean {
  return familyOf(pattern.split('/')[0] ?? '') !== 0
}

/** `example.org` is that name; `*.example.org` is every name below it; `*` is any. */
function namePattern(pattern: string): RegExp {
  if (pattern === '*') return /^/
  const escaped = pattern.replace(/^\*\./, '').replaceAll('.', '\\.')
  return new RegExp(pattern.startsWith('*.') ? `\\.${escaped}$` : `^${escaped}$`, 'i')
}
