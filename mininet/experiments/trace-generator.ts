/**
 * Delivery traces of mobile links: synthetic, seeded, in the format of Mahimahi. One line per
 * packet of 1500 bytes that the link can deliver: the millisecond at which it can.
 *
 * The model. Every 100 ms the link has a rate: its mean times a log-normal factor that wanders
 * (an AR(1) process whose memory fades within `coherence` seconds), as signal strength and the
 * share of the cell do. Within a step, opportunities come at random (Poisson). Outages, with no
 * opportunity at all, begin at random (on average every `outageEvery` seconds) and last an
 * exponentially distributed time of at least a fifth of a second, as handovers, tunnels and gaps
 * in coverage do. The profiles are chosen, not fitted to measurements.
 */
export interface MobileProfile {
  /** Mbit/s outside outages. */
  mean: number
  /** Standard deviation of the rate's logarithm: 0.5 is within a factor of 2.7 for 95 % of the time. */
  spread: number
  /** Seconds. */
  coherence: number
  /** Mean seconds from the end of one outage to the next; 0 for none. */
  outageEvery: number
  /** Mean seconds of an outage. */
  outageLength: number
}

const STEP_MS = 100
const SHORTEST_OUTAGE_MS = 200
const PACKET_BITS = 1500 * 8

/**
 * Milliseconds of delivery opportunities, ascending, from 0 to `seconds`; a replay repeats after
 * the last one. The same seed gives the same trace on every machine.
 */
export function generateTrace(profile: MobileProfile, seconds: number, seed: number): number[] {
  const random = new Random(seed)
  const end = Math.round(seconds * 1000)
  const memory = Math.exp(-STEP_MS / 1000 / profile.coherence)
  const outages = new Outages(profile, random)
  const times: number[] = []
  let wander = random.normal()
  for (let at = 0; at < end; at++) {
    if (at % STEP_MS === 0 && at > 0) wander = memory * wander + Math.sqrt(1 - memory ** 2) * random.normal()
    if (outages.covers(at)) continue
    // the mean of a log-normal lies half the variance above its median
    const rate = profile.mean * Math.exp(profile.spread * wander - profile.spread ** 2 / 2)
    const count = random.poisson((rate * 1000) / PACKET_BITS)
    for (let packet = 0; packet < count; packet++) times.push(at)
  }
  // the last line is where a replay begins again
  times.push(end)
  return times
}

/** As linkem and Mahimahi read it. */
export function formatTrace(times: readonly number[]): string {
  return times.map((time) => `${time}\n`).join('')
}

/** Alternates between service and outage. */
class Outages {
  readonly #profile: MobileProfile
  readonly #random: Random
  #begins: number
  #ends: number

  constructor(profile: MobileProfile, random: Random) {
    this.#profile = profile
    this.#random = random
    this.#begins = profile.outageEvery === 0 ? Infinity : this.#service()
    this.#ends = this.#begins + this.#outage()
  }

  /** To be asked of ascending times. */
  covers(at: number): boolean {
    while (at >= this.#ends) {
      this.#begins = this.#ends + this.#service()
      this.#ends = this.#begins + this.#outage()
    }
    return at >= this.#begins
  }

  #service(): number {
    return this.#random.exponential(this.#profile.outageEvery * 1000)
  }

  #outage(): number {
    return Math.max(SHORTEST_OUTAGE_MS, this.#random.exponential(this.#profile.outageLength * 1000))
  }
}

/** Small, fast and the same everywhere; Math.random takes no seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 (included) to 1 (excluded): a Weyl sequence whose members are mixed (mulberry32). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform())
  }

  /** Mean 0, variance 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** For small means: counts how many exponential gaps fit. */
  poisson(mean: number): number {
    let count = 0
    for (let sum = this.exponential(1); sum < mean; sum += this.exponential(1)) count++
    return count
  }
}
