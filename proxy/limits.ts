/** Places of a service: how many connections it holds at once, in total, of each source and of each user. */
import { MptkError } from '../src/errors.js'
import { sourceBlock } from '../src/net/source-block.js'

export type Limit = 'connections' | 'perSource' | 'perUser'

/** Why a connection has no place. `handshake`: it had not said what it wants when others needed the place. */
export type Refusal = Limit | 'handshake'

/** Told to the client in its protocol. */
export class LimitReached extends MptkError {
  constructor(readonly limit: Refusal) {
    super('MPTK_LIMIT', MESSAGES[limit])
  }
}

const MESSAGES = {
  connections: 'this service holds as many connections as it may (limits.connections)',
  perSource: 'this source has as many connections as it may (limits.perSource)',
  perUser: 'this user has as many connections as it may (limits.perUser)',
  handshake: 'the handshake was not complete when the service was full: its place went to somebody else',
} as const satisfies Record<Refusal, string>

/** Who has not completed the handshake after so long gives way to a newcomer when no place is free, milliseconds. */
export const GRACE = 2000

export interface PlaceLimits {
  connections: number
  /** Of an address's block; connections of users who proved who they are do not count. */
  perSource: (address: string) => number
  perUser: number
}

interface Source {
  /** Its places, less those of users. */
  count: number
  /** Of these, which are in the handshake; the oldest first. */
  readonly opening: Set<Place>
}

/** Life: in the handshake → established → released, or released from either. */
export interface Place {
  readonly block: string
  /** When the handshake began. */
  readonly since: number
  /** Told when the place has gone to somebody else. */
  readonly giveWay: () => void
  state: 'opening' | 'established' | 'released'
  /** Whose it is, instead of the source's. */
  user: string | undefined
}

/** Reads no clock: `now` is milliseconds of any clock that never goes back. */
export class Places {
  readonly limits: PlaceLimits
  readonly #blockOf: (address: string) => string
  readonly #sources = new Map<string, Source>()
  readonly #users = new Map<string, number>()
  /** In the handshake; the oldest first. */
  readonly #opening = new Set<Place>()
  #count = 0

  /** @param blockOf which addresses are one source */
  constructor(limits: PlaceLimits, blockOf: (address: string) => string = sourceBlock) {
    this.limits = limits
    this.#blockOf = blockOf
  }

  /** Places taken. */
  get count(): number {
    return this.#count
  }

  /**
   * A place for a connection whose handshake begins now, else which limit is reached; it must be
   * released. When none is free, the connection that has been longest in the handshake loses its
   * place, if that is longer than {@link GRACE}: a crowd that says nothing keeps nobody out for longer.
   */
  take(address: string, now: number, giveWay: () => void): Place | Limit {
    const block = this.#blockOf(address)
    const most = this.limits.perSource(address)
    for (;;) {
      const source = this.#sources.get(block)
      const limit = this.#limitFor(source, most)
      if (limit === undefined)
        return this.#enter({ block, since: now, giveWay, state: 'opening', user: undefined })
      const [oldest] = (limit === 'perSource' ? source?.opening : this.#opening) ?? []
      if (oldest === undefined || now - oldest.since < GRACE) return limit
      this.release(oldest)
      oldest.giveWay()
    }
  }

  /** A place for somebody who has proved who he is, whatever his source has; else which limit is reached. */
  takeForUser(user: string, now: number): Place | Limit {
    if (this.#count >= this.limits.connections) return 'connections'
    if (this.#isFull(user)) return 'perUser'
    this.#count++
    this.#addUser(user)
    return { block: '', since: now, giveWay: () => undefined, state: 'established', user }
  }

  /**
   * The handshake is complete: the place is kept from now on, as that of the user if one proved who he is.
   * @returns why it may not be kept; it must be released all the same
   */
  establish(place: Place, user: string | undefined): Refusal | undefined {
    if (place.state === 'released') return 'handshake'
    if (user !== undefined && this.#isFull(user)) return 'perUser'
    this.#endOpening(place)
    place.state = 'established'
    if (user === undefined) return undefined
    place.user = user
    this.#addUser(user)
    this.#leaveSource(place)
    return undefined
  }

  /** Gives the place back; harmless when it has been. */
  release(place: Place): void {
    if (place.state === 'released') return
    this.#endOpening(place)
    place.state = 'released'
    this.#count--
    if (place.user === undefined) this.#leaveSource(place)
    else this.#removeUser(place.user)
  }

  #limitFor(source: Source | undefined, most: number): 'connections' | 'perSource' | undefined {
    if ((source?.count ?? 0) >= most) return 'perSource'
    return this.#count >= this.limits.connections ? 'connections' : undefined
  }

  #enter(place: Place): Place {
    let source = this.#sources.get(place.block)
    if (source === undefined) this.#sources.set(place.block, (source = { count: 0, opening: new Set() }))
    this.#count++
    source.count++
    source.opening.add(place)
    this.#opening.add(place)
    return place
  }

  #endOpening(place: Place): void {
    if (!this.#opening.delete(place)) return
    this.#sources.get(place.block)?.opening.delete(place)
  }

  #leaveSource({ block }: Place): void {
    const source = this.#sources.get(block)
    if (source !== undefined && --source.count === 0) this.#sources.delete(block)
  }

  #isFull(user: string): boolean {
    return (this.#users.get(user) ?? 0) >= this.limits.perUser
  }

  #addUser(user: string): void {
    this.#users.set(user, (this.#users.get(user) ?? 0) + 1)
  }

  #removeUser(user: string): void {
    const count = this.#users.get(user) ?? 0
    if (count <= 1) this.#users.delete(user)
    else this.#users.set(user, count - 1)
  }
}
