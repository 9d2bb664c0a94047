/**
 * Kernel memory that one source may hold by sessions that stall. A paused reader with both sides
 * there is no fault, and nobody can tell it from a client that died with its buffers full, whose
 * end never gets through; so each source may have some, and beyond it the stall timer runs.
 */
import { readFileSync } from 'node:fs'

/** Milliseconds between two sweeps. */
const INTERVAL = 5000
/** A source may have a quarter of what the kernel has before it calls its memory short; within bounds. */
const SHARE = 1 / 4
const LEAST = 32 * 1024 * 1024
/** Where the kernel does not say what it has: other network namespaces than the first. */
const OTHERWISE = 64 * 1024 * 1024
const PAGE = 4096

export interface HeldRelay {
  /** Whose it is: the client's address, or its /64. */
  readonly source: string
  /** Bytes that wait in the kernel because a side takes nothing; 0 while both do. */
  held(): number
  /** Has the stall timer run although both sides are there, or no more. */
  hurry(hurried: boolean): void
}

/** Those that must not stall for longer: each source's largest ones, as many as bring it down to `most` bytes. */
export function beyond<T extends HeldRelay>(relays: Iterable<T>, most: number): Set<T> {
  const sources = new Map<string, { sum: number; holding: { relay: T; bytes: number }[] }>()
  for (const relay of relays) {
    const bytes = relay.held()
    if (bytes === 0) continue
    const entry = sources.get(relay.source) ?? { sum: 0, holding: [] }
    entry.sum += bytes
    entry.holding.push({ relay, bytes })
    sources.set(relay.source, entry)
  }
  const chosen = new Set<T>()
  for (const { sum, holding } of sources.values()) {
    let left = sum
    if (left > most) holding.sort((a, b) => b.bytes - a.bytes)
    for (const { relay, bytes } of holding) {
      if (left <= most) break
      chosen.add(relay)
      left -= bytes
    }
  }
  return chosen
}

/** Bytes that each source may hold on this host. */
export function heldPerSource(): number {
  try {
    const [, pressure] = readFileSync('/proc/sys/net/ipv4/tcp_mem', 'latin1').split(/\s+/)
    return Math.max(LEAST, Number(pressure) * PAGE * SHARE)
  } catch {
    return OTHERWISE
  }
}

export interface HeldMemoryWatch {
  stop(): void
}

/** Sweeps every few seconds. @param relays those in progress */
export function watchHeldMemory(
  relays: () => Iterable<HeldRelay>,
  { most = heldPerSource(), interval = INTERVAL }: { most?: number; interval?: number } = {},
): HeldMemoryWatch {
  let hurried = new Set<HeldRelay>()
  const timer = setInterval(() => {
    const chosen = beyond(relays(), most)
    for (const relay of hurried) if (!chosen.has(relay)) relay.hurry(false)
    for (const relay of chosen) if (!hurried.has(relay)) relay.hurry(true)
    hurried = chosen
  }, interval).unref()
  return { stop: () => clearInterval(timer) }
}
