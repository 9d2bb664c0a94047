/** Names of sites, and the table that says which backend each has. */
import type { Destination } from '../../src/address.js'

/** One form of each name: lower case, without the root's dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** `www.example.org` is that name, `*.example.org` every name below it; the longest match wins. */
export class Sites {
  readonly #targets: ReadonlyMap<string, Destination>

  constructor(sites: Readonly<Record<string, Destination>>) {
    this.#targets = new Map(Object.entries(sites).map(([name, target]) => [plainName(name), target]))
  }

  find(name: string): Destination | undefined {
    const plain = plainName(name)
    const exact = this.#targets.get(plain)
    if (exact !== undefined) return exact
    for (let dot = plain.indexOf('.'); dot !== -1; dot = plain.indexOf('.', dot + 1)) {
      const below = this.#targets.get(`*${plain.slice(dot)}`)
      if (below !== undefined) return below
    }
    return undefined
  }
}
