/** How many connections a service holds at once, in total and for each source address. */
export class ConnectionLimits {
  readonly #total: number
  readonly #perSource: number
  readonly #sources = new Map<string, number>()
  #count = 0

  constructor(limits: { connections: number; perSource: number }) {
    this.#total = limits.connections
    this.#perSource = limits.perSource
  }

  /** Takes a place; undefined when taken, else which limit is reached. Each taken place must be released. */
  take(source: string): 'connections' | 'perSource' | undefined {
    if (this.#count >= this.#total) return 'connections'
    const count = this.#sources.get(source) ?? 0
    if (count >= this.#perSource) return 'perSource'
    this.#sources.set(source, count + 1)
    this.#count++
    return undefined
  }

  release(source: string): void {
    const count = this.#sources.get(source) ?? 0
    if (count <= 1) this.#sources.delete(source)
    else this.#sources.set(source, count - 1)
    this.#count--
  }
}
