/** Random numbers that a seed repeats exactly. */

/** The seed of a run: `MPTK_TEST_SEED` repeats a run that failed. */
export function seedOf(fallback: number): number {
  const given = Number(process.env.MPTK_TEST_SEED ?? fallback)
  if (Number.isInteger(given) && given >= 0 && given <= 0xffffffff) return given
  throw new Error(`expected MPTK_TEST_SEED to be a whole number up to 4294967295, found ${given}`)
}

/** A 32-bit generator by Weyl steps and a multiply-xorshift mix (after SplitMix, Steele et al. 2014). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor((this.word() / 2 ** 32) * below)
  }

  chance(probability: number): boolean {
    return this.word() / 2 ** 32 < probability
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0]
  }

  bytes(length: number): Buffer {
    const out = Buffer.alloc(length)
    for (let i = 0; i < length; i++) out[i] = this.word() >>> 24
    return out
  }
}
