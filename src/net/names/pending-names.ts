/** How many names may be looked up at a time: by everybody together, and for one client or user. */

/** For whom a name is looked up; nothing in it for what the configuration itself names. */
export interface Subject {
  /** The client's address. */
  source?: string
  user?: string
}

/** Of one subject, and together. Each name holds a descriptor or two while it is looked up. */
export const MOST_NAMES = { each: 128, all: 512 }

export class PendingNames {
  readonly #most: { each: number; all: number }
  readonly #all = new Map<string, number>()
  /** By subject, its names and how many wait for each. */
  readonly #subjects = new Map<string, Map<string, number>>()

  constructor(most = MOST_NAMES) {
    this.#most = most
  }

  /**
   * Takes a place for the name, to be given back by {@link leave}. Names that are looked up already
   * take none of the common places.
   * @param subjects keys of those who are to be charged
   * @returns false, and nothing is taken, when there are too many
   */
  enter(name: string, subjects: readonly string[]): boolean {
    const share = this.#all.has(name) ? this.#most.each : this.#share()
    const full = subjects.some((subject) => {
      const names = this.#subjects.get(subject)
      return names?.has(name) !== true && (names?.size ?? 0) >= share
    })
    const none = subjects.length > 0 && !this.#all.has(name) && this.#all.size >= this.#most.all
    if (full || none) return false
    add(this.#all, name, 1)
    for (const subject of subjects) {
      const names = this.#subjects.get(subject) ?? new Map<string, number>()
      this.#subjects.set(subject, names)
      add(names, name, 1)
    }
    return true
  }

  leave(name: string, subjects: readonly string[]): void {
    add(this.#all, name, -1)
    for (const subject of subjects) {
      const names = this.#subjects.get(subject)
      if (names === undefined) continue
      add(names, name, -1)
      if (names.size === 0) this.#subjects.delete(subject)
    }
  }

  /**
   * The fuller it is, the fewer for each: half of what is free, so that those who take all they can
   * leave room for one who wants little.
   */
  #share(): number {
    const free = this.#most.all - this.#all.size
    return Math.min(this.#most.each, Math.max(1, Math.floor(free / 2)))
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
