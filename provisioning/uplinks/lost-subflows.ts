/**
 * Which lost subflows are opened again, and when: pure. Linux (6.18) never makes one again by
 * itself, and has no command to open one on a single connection. Its gentlest trigger is to change
 * `fullmesh` of the endpoint, which opens the subflows of all connections over that endpoint anew,
 * the living ones too. So a loss waits the longer, the more living subflows share its endpoint.
 */
import type { PathManagerEvent } from '../../src/kernel/path-manager-events.js'

/** A lost subflow is opened again after so long, ms: doubled each time. */
export const BACKOFF = { first: 1000, most: 60_000 } as const
/** So many times in a row, then the connection is left with what it has. */
export const ATTEMPTS = 8
/** One that held so long, ms, counts as never lost before. */
const HELD = 60_000

export interface Renewal {
  /** Of the endpoint. */
  address: string
  /** Connections that get a subflow again, and those whose living one is opened anew. */
  lost: number
  disturbed: number
  /** Some of them have lost their first subflow: the endpoint must not have `fullmesh` afterwards. */
  headless: boolean
}

/** All subflows of a connection between two addresses. */
interface Path {
  /** Local ports of those that live. */
  alive: Set<number>
  /** Local port of the last one that closed: some kernels tell it twice. */
  lastClosed: number
  attempts: number
  /** Asked for, and not yet there. */
  awaited: boolean
  /** When the last one was established. */
  established: number
  /** Since when there is none, after an error; undefined while one lives or none is missed. */
  lost: number | undefined
}

interface Connection {
  serverSide: boolean
  /** Local address and port of the first subflow, where its beginning was seen. */
  first: string | undefined
  headless: boolean
  /** By local and remote address. */
  paths: Map<string, Path>
}

export class LostSubflows {
  readonly #connections = new Map<number, Connection>()

  /** @returns true when a subflow that was lost is there again @param now monotonic, ms */
  take(event: PathManagerEvent, now: number): boolean {
    switch (event.kind) {
      case 'established': {
        const { local, remote, serverSide } = event
        const connection = this.#begin(event.token, `${local.address} ${local.port}`, serverSide)
        const path = pathOf(connection, local.address, remote.address)
        path.alive.add(local.port)
        path.established = now
        return false
      }
      case 'closed':
        this.#connections.delete(event.token)
        return false
      case 'subflow-established':
        return this.#onEstablished(event, now)
      case 'subflow-closed':
        this.#onClosed(event, now)
        return false
    }
  }

  /** What is to be opened again now, of endpoints with these addresses; others are not ours to renew. */
  due(endpoints: ReadonlySet<string>, now: number): Renewal[] {
    return [...this.#byAddress()].flatMap(([address, { lost, disturbed, headless }]) => {
      if (lost.length === 0 || !endpoints.has(address)) return []
      if (waitOf(lost, disturbed, now) > 0) return []
      for (const path of lost) {
        path.attempts++
        path.awaited = true
        path.lost = path.attempts < ATTEMPTS ? now : undefined
      }
      return [{ address, lost: lost.length, disturbed, headless }]
    })
  }

  /** Milliseconds until {@link due} has something to say; undefined when nothing is missed. */
  next(endpoints: ReadonlySet<string>, now: number): number | undefined {
    const waits = [...this.#byAddress()].flatMap(([address, { lost, disturbed }]) =>
      lost.length === 0 || !endpoints.has(address) ? [] : [waitOf(lost, disturbed, now)],
    )
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  /** The endpoint at this address was taken away: once it is back the kernel opens all subflows itself. */
  forgetAddress(address: string): void {
    for (const { paths } of this.#connections.values()) {
      for (const [key, path] of paths) if (key.startsWith(`${address} `)) path.lost = undefined
    }
  }

  /** Local addresses that connections use whose first subflow is gone. */
  headless(): ReadonlySet<string> {
    const found = new Set<string>()
    for (const { headless, paths } of this.#connections.values()) {
      if (headless) for (const key of paths.keys()) found.add(localOf(key))
    }
    return found
  }

  /** Paths that miss their subflow now. */
  get missing(): number {
    return [...this.#byAddress().values()].reduce((sum, { lost }) => sum + lost.length, 0)
  }

  /** Events are missing: what is known of connections may be wrong. */
  clear(): void {
    this.#connections.clear()
  }

  #begin(token: number, first: string | undefined, serverSide: boolean): Connection {
    const connection: Connection = { serverSide, first, headless: false, paths: new Map() }
    this.#connections.set(token, connection)
    return connection
  }

  #onEstablished(event: PathManagerEvent & { kind: 'subflow-established' }, now: number): boolean {
    const { token, local, remote } = event
    const connection = this.#connections.get(token) ?? this.#begin(token, undefined, false)
    const path = pathOf(connection, local.address, remote.address)
    const back = path.awaited
    path.awaited = false
    path.alive.add(local.port)
    path.lost = undefined
    path.established = now
    return back
  }

  #onClosed(event: PathManagerEvent & { kind: 'subflow-closed' }, now: number): void {
    const { token, local, remote, error, localId } = event
    const connection = this.#connections.get(token) ?? this.#begin(token, undefined, false)
    // the peer opens those of connections that it began
    if (connection.serverSide) return
    const { first } = connection
    if (first === undefined ? localId === 0 : first === `${local.address} ${local.port}`) {
      connection.headless = true
    }
    const path = pathOf(connection, local.address, remote.address)
    const lived = path.alive.delete(local.port)
    if (!lived && path.lastClosed === local.port) return
    path.lastClosed = local.port
    // an orderly end is somebody's wish: the peer's, or that of who removed the endpoint
    if (error === 0 || path.alive.size > 0) return
    if (lived && now - path.established > HELD) path.attempts = 0
    path.lost = path.attempts < ATTEMPTS ? now : undefined
  }

  #byAddress(): Map<string, { lost: Path[]; disturbed: number; headless: boolean }> {
    const found = new Map<string, { lost: Path[]; disturbed: number; headless: boolean }>()
    for (const { paths, headless } of this.#connections.values()) {
      for (const [key, path] of paths) {
        const address = localOf(key)
        const entry = found.get(address) ?? { lost: [], disturbed: 0, headless: false }
        found.set(address, entry)
        if (path.lost !== undefined) entry.lost.push(path)
        entry.disturbed += path.alive.size
        entry.headless ||= headless
      }
    }
    return found
  }
}

/** The first of them decides; as many times longer as there are living ones for each lost one. */
function waitOf(lost: readonly Path[], disturbed: number, now: number): number {
  const burden = Math.max(1, Math.ceil(disturbed / lost.length))
  const dues = lost.map(({ attempts, lost: since = now }) => {
    const wait = Math.min(BACKOFF.first * 2 ** attempts * burden, BACKOFF.most)
    return since + wait - now
  })
  return Math.max(0, Math.min(...dues))
}

function pathOf({ paths }: Connection, local: string, remote: string): Path {
  const key = `${local} ${remote}`
  const found = paths.get(key)
  if (found !== undefined) return found
  const made: Path = {
    alive: new Set(),
    lastClosed: 0,
    attempts: 0,
    awaited: false,
    established: -Infinity,
    lost: undefined,
  }
  paths.set(key, made)
  return made
}

const localOf = (key: string): string => key.slice(0, key.indexOf(' '))
