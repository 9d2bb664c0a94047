/** Whether the kernel is short of memory for TCP, by its own judgement, and telling it to whoever can free some. */
import { readFileSync } from 'node:fs'

/** Memory of all network namespaces, and whether it is above `net.ipv4.tcp_mem`'s second value and has not come down to the first since. */
const PROTOCOLS = '/proc/net/protocols'
/** Milliseconds between two looks. */
const INTERVAL = 5000

/** @param table what {@link PROTOCOLS} says: a line for each protocol, with `press` as its fifth column */
export function isTcpMemoryShort(table: string): boolean {
  return table.split('\n').some((line) => /^(TCP|MPTCP)(v6)?\s+\d+\s+\d+\s+-?\d+\s+yes\s/.test(line))
}

export interface TcpMemoryWatch {
  stop(): void
}

/**
 * Looks every few seconds, and says when it has become short and when it is no more. A kernel that
 * does not tell is one that is never short.
 */
export function watchTcpMemory(
  onChange: (isShort: boolean) => void,
  { read = readProtocols, interval = INTERVAL }: { read?: () => string; interval?: number } = {},
): TcpMemoryWatch {
  let wasShort = false
  const timer = setInterval(() => {
    const isShort = isTcpMemoryShort(read())
    if (isShort === wasShort) return
    wasShort = isShort
    onChange(isShort)
  }, interval).unref()
  return { stop: () => clearInterval(timer) }
}

function readProtocols(): string {
  try {
    return readFileSync(PROTOCOLS, 'latin1')
  } catch {
    return ''
  }
}
