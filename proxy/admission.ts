/**
 * A service's door: who comes in, and how those are turned away who may not. Over a limit a client
 * says what it wants as any other and is told why not in its protocol, so that it does not take
 * the service for dead; there is room for a few of those at a time, and beyond it only for a reset.
 */
import { formatAddress } from '../src/address.js'
import { BurstLog } from '../src/burst-log.js'
import type { Connection } from '../src/net/connection.js'
import { LimitReached, Places, type Place, type PlaceLimits, type Refusal } from './limits.js'
import type { Runtime } from './runtime.js'

/** How long a client over a limit may take to say what it wants, milliseconds. */
export const REFUSAL_PATIENCE = 3000

/** Of the clients being refused at a time: one for so many that may be served, within bounds. */
const SERVED_PER_REFUSED = 8
const FEWEST_REFUSED = 4
const MOST_REFUSED = 64

/** How many clients over a limit are heard at a time, where so many are served. */
export function refusalRoom(connections: number): number {
  return Math.min(MOST_REFUSED, Math.max(FEWEST_REFUSED, Math.floor(connections / SERVED_PER_REFUSED)))
}

export interface DoorOptions {
  /** The service's, in log and metrics. */
  name: string
  limits: PlaceLimits
  /** Which addresses are one source. */
  blockOf: (address: string) => string
  /** The protocol has words for a refusal. */
  inWords: boolean
}

/** What `/status` says of it. */
export interface DoorStatus {
  /** Connections that have a place now, and how many there are. */
  open: number
  connections: number
  /** Refused since the start, by the limit. */
  refused: Partial<Record<Refusal, number>>
}

interface Turned {
  why: Refusal
  client: string
  user: string | undefined
}

export class Door {
  readonly #name: string
  readonly #runtime: Pick<Runtime, 'log' | 'metrics'>
  readonly #inWords: boolean
  readonly #places: Places
  /** For those being refused. */
  readonly #lobby: Places
  readonly #refused: Partial<Record<Refusal, number>> = {}
  readonly #burst: BurstLog<Turned>

  constructor(runtime: Pick<Runtime, 'log' | 'metrics'>, { name, limits, blockOf, inWords }: DoorOptions) {
    this.#name = name
    this.#runtime = runtime
    this.#inWords = inWords
    this.#places = new Places(limits, blockOf)
    const room = refusalRoom(limits.connections)
    const each = Math.ceil(room / 4)
    this.#lobby = new Places({ connections: room, perSource: () => each, perUser: Infinity }, blockOf)
    this.#burst = new BurstLog(({ why, client, user }, more) => {
      const fields = { service: name, limit: why, client, ...(user !== undefined && { user }) }
      if (more === undefined)
        this.#runtime.log.warn(fields, `connection refused: ${new LimitReached(why).message}`)
      else
        this.#runtime.log.warn({ ...fields, count: more }, `${more} more connections refused: limit ${why}`)
    })
  }

  /** @param now milliseconds of a clock that never goes back @returns undefined for a client that only a reset is left for; it is counted */
  admit(client: Connection, now: number): Admission | undefined {
    const { address } = client.remote
    const place = this.#places.take(address, now, () => {
      this.count('handshake', client, undefined)
      client.fail(new LimitReached('handshake'))
    })
    if (typeof place === 'object') return new Admission(this, client, this.#places, place)
    const seat = this.#inWords
      ? this.#lobby.take(address, now, () => client.fail(new LimitReached(place)))
      : undefined
    if (typeof seat === 'object') return new Admission(this, client, this.#lobby, seat, place)
    this.count(place, client, undefined)
    return undefined
  }

  /** For {@link Admission}: somebody with a seat in the lobby has proved who he is. */
  seatForUser(user: string, now: number): { places: Places; place: Place | Refusal } {
    return { places: this.#places, place: this.#places.takeForUser(user, now) }
  }

  /** For {@link Admission}. */
  count(why: Refusal, client: Connection, user: string | undefined): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1
    this.#runtime.metrics.refused.inc({ service: this.#name, limit: why })
    this.#runtime.metrics.sessions.inc({ service: this.#name, outcome: 'limit' })
    this.#burst.add(why, { why, client: formatAddress(client.remote), user })
  }

  status(): DoorStatus {
    const { connections } = this.#places.limits
    return { open: this.#places.count, connections, refused: { ...this.#refused } }
  }

  /** Writes what has not been written of refusals. */
  close(): void {
    this.#burst.close()
  }
}

/** One connection between the door and its end: whether it may stay, decided when it came and again when its handshake is complete. */
export class Admission {
  readonly #door: Door
  readonly #client: Connection
  #places: Places
  #place: Place
  /** Set while the connection has no place but may say what it wants. */
  #refused: Refusal | undefined
  #counted = false

  constructor(door: Door, client: Connection, places: Places, place: Place, refused?: Refusal) {
    this.#door = door
    this.#client = client
    this.#places = places
    this.#place = place
    this.#refused = refused
  }

  /** The connection is beyond a limit, and is here only to be told. */
  get refused(): boolean {
    return this.#refused !== undefined
  }

  /**
   * The handshake is complete.
   * @param user who has proved who he is: a crowded source is then no reason to refuse him
   * @returns why the connection must not go on
   */
  establish(user: string | undefined): LimitReached | undefined {
    const why = this.#establish(user)
    if (why === undefined) return undefined
    this.#count(why, user)
    return new LimitReached(why)
  }

  #establish(user: string | undefined): Refusal | undefined {
    if (this.#refused === undefined) return this.#places.establish(this.#place, user)
    if (this.#refused !== 'perSource' || user === undefined) return this.#refused
    const { places, place } = this.#door.seatForUser(user, this.#place.since)
    if (typeof place === 'string') return place
    this.#places.release(this.#place)
    this.#places = places
    this.#place = place
    this.#refused = undefined
    return undefined
  }

  /** The connection has ended: its place is free. */
  end(): void {
    this.#places.release(this.#place)
    if (this.#refused !== undefined) this.#count(this.#refused, undefined)
  }

  #count(why: Refusal, user: string | undefined): void {
    // whoever lost its place has been counted then
    if (this.#counted || why === 'handshake') return
    this.#counted = true
    this.#door.count(why, this.#client, user)
  }
}
