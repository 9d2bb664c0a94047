/** What a configuration says of destinations: `example.org`, `*.example.org`, `*`, `10.0.0.0/8`, `private`. */
import { familyOf, PrefixSet } from '../../src/address.js'
import { PRIVATE, PRIVATE_NETWORKS } from '../../src/private-networks.js'

export class DestinationPatterns {
  readonly #names: RegExp[]
  /** Those that are written out. */
  readonly #prefixes: PrefixSet
  /** These and what the words stand for. */
  readonly #networks: PrefixSet | undefined

  /** @param patterns as the schema's `destinationPattern` lets them through */
  constructor(patterns: readonly string[]) {
    const prefixes = patterns.filter(isPrefix)
    const networks = [...prefixes, ...(patterns.includes(PRIVATE) ? PRIVATE_NETWORKS : [])]
    this.#names = patterns.filter((each) => !isPrefix(each) && each !== PRIVATE).map(namePattern)
    this.#prefixes = new PrefixSet(prefixes)
    this.#networks = networks.length > 0 ? new PrefixSet(networks) : undefined
  }

  /**
   * @param host as the client said it
   * @param address one of its addresses, undefined while nobody has looked
   * @returns `depends` when a prefix could match an address that is not known yet
   */
  matches(host: string, address: string | undefined): boolean | 'depends' {
    if (this.#names.some((name) => name.test(host))) return true
    if (this.#networks === undefined) return false
    return address === undefined ? 'depends' : this.#networks.has(address)
  }

  /** Whether a prefix that is written out holds the address, whatever names and words say. */
  hasAddress(address: string): boolean {
    return this.#prefixes.has(address)
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
