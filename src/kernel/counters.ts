/** Counters of the network namespace. */
import { readProc } from './sysctl.js'

/** A section of /proc/net/netstat: a line of names, then a line of values, both beginning with `section:`. */
export function parseNetstat(text: string, section: string): Map<string, number> {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${section}:`))
    .map((line) => line.trim().split(/\s+/).slice(1))
  return new Map(names.map((name, i) => [name, Number(values[i] ?? 0)]))
}

/** MPTcpExt of this namespace; empty where the kernel has none. */
export function mptcpCounters(): Map<string, number> {
  return parseNetstat(readProc('/proc/net/netstat') ?? '', 'MPTcpExt')
}

/** /proc/net/mptcp_net/snmp of the out-of-tree kernel: a name and a value on each line. */
export function parseSnmp(text: string): Map<string, number> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [name = '', value] = line.trim().split(/\s+/)
      return value === undefined ? [] : [[name, Number(value)] as const]
    }),
  )
}
