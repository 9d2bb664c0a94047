/** Reading /proc, which shows the network namespace of this process. */
import { readFileSync } from 'node:fs'

/** A file's text, or undefined where it is missing or may not be read. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** The value of a sysctl by its dotted name, as `net.mptcp.enabled`; undefined where this kernel or namespace has none. */
export function readSysctl(name: string): string | undefined {
  return readProc(`/proc/sys/${name.replaceAll('.', '/')}`)?.trim()
}

/** A sysctl that is a list of words: `tcp_available_congestion_control`. */
export function readSysctlWords(name: string): string[] {
  return readSysctl(name)?.split(/\s+/).filter(Boolean) ?? []
}

/** Those of the named sysctls that exist, in the order given. */
export function readSysctls(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = readSysctl(name)
      return value === undefined ? [] : [[name, value.replace(/\s+/g, ' ')] as const]
    }),
  )
}
