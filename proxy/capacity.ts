/** How many connections each service may hold, so that what they take never takes the last descriptor. Pure. */
import { isLoopback } from '../src/address.js'
import { PIPE_DESCRIPTORS } from '../src/net/relay.js'
import { refusalRoom } from './admission.js'
import type { PlaceLimits } from './limits.js'

/** Of a service that says nothing about it and has all the descriptors it could wish for. */
export const DEFAULT_CONNECTIONS = 32_768
/** What default limits leave to others: of the places, a source may have one in so many, a user one in so many. */
const SOURCES = 4
const USERS = 2

/**
 * Kept free for what is not a client: the status address, several addresses of a name dialled side
 * by side, lookups, the log, netlink, relay threads.
 */
export const RESERVE = 64
/** Of the rest, what sockets may take; the others are for pipes, without which relays copy. */
const FOR_SOCKETS = 7 / 8
/** Fewer than this, where nobody asked for so few, is worth a warning. */
const FEW = 1024

export interface ServiceWish {
  name: string
  /** `limits.connections` of the configuration. */
  connections: number | undefined
  /** Where the configuration says nothing. */
  otherwise: number
  /** Sockets of one connection: 2, or 1 for a service that relays nothing. */
  sockets: 1 | 2
}

export interface Capacity {
  /** Of each service, in the order of the wishes. */
  connections: number[]
  /** Relays that may hold pipes at a time. */
  splices: number
  /** One line that names the limit and the mend. */
  warning: string | undefined
}

/**
 * @param limit descriptors that this process may have; Infinity for no limit
 * @param inUse descriptors it has already
 */
export function capacity(limit: number, inUse: number, wishes: readonly ServiceWish[]): Capacity {
  const free = Math.max(0, limit - inUse - RESERVE)
  const connections = shared(free * FOR_SOCKETS, wishes)
  const taken = wishes.reduce((sum, { sockets }, index) => sum + costOf(connections[index] ?? 0, sockets), 0)
  return {
    connections,
    splices: Math.max(0, Math.floor((free - taken) / PIPE_DESCRIPTORS)),
    warning: warningOf(limit, wishes, connections),
  }
}

/** Whoever wants no more than an equal share has it; the others share equally what that leaves. */
function shared(descriptors: number, wishes: readonly ServiceWish[]): number[] {
  const given = wishes.map(() => 0)
  const modestFirst = wishes
    .map((wish, index) => ({ index, sockets: wish.sockets, wants: wantedBy(wish) }))
    .sort((a, b) => costOf(a.wants, a.sockets) - costOf(b.wants, b.sockets))
  let left = descriptors
  modestFirst.forEach(({ index, sockets, wants }, done) => {
    const share = left / (wishes.length - done)
    const fits = costOf(wants, sockets) <= share ? wants : connectionsFor(share, sockets)
    given[index] = fits
    left -= costOf(fits, sockets)
  })
  return given
}

function wantedBy({ connections, otherwise }: ServiceWish): number {
  return connections ?? otherwise
}

function costOf(connections: number, sockets: number): number {
  return connections * sockets + refusalRoom(connections)
}

function connectionsFor(descriptors: number, sockets: number): number {
  const most = Math.floor(descriptors / sockets)
  return Math.max(1, Math.floor((descriptors - refusalRoom(most)) / sockets))
}

function warningOf(
  limit: number,
  wishes: readonly ServiceWish[],
  given: readonly number[],
): string | undefined {
  const short = wishes.flatMap((wish, index) => {
    const [want, has] = [wantedBy(wish), given[index] ?? 0]
    const matters = wish.connections !== undefined || has < FEW
    return has < want && matters ? [`${wish.name} ${has} instead of ${want}`] : []
  })
  if (short.length === 0) return undefined
  return `this process may open ${limit} files (RLIMIT_NOFILE), which is too few for the limits of connections: ${short.join(', ')}; raise it by LimitNOFILE= in the unit or ulimit -n`
}

/** @param connections as {@link capacity} gives them */
export function placeLimits(
  connections: number,
  { perSource, perUser }: { perSource?: number | undefined; perUser?: number | undefined },
): PlaceLimits {
  const share = Math.ceil(connections / SOURCES)
  return {
    connections,
    // loopback is this host itself, which usually has no other clients
    perSource: (address) => perSource ?? (isLoopback(address) ? Infinity : share),
    perUser: perUser ?? Math.ceil(connections / USERS),
  }
}
