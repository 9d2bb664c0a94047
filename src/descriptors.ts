/** How many files and sockets this process may have open at once (RLIMIT_NOFILE), and has. */
import { readdirSync, readFileSync } from 'node:fs'

/** The soft limit, which Node raises to the hard one when it starts; Infinity for none. */
export function descriptorLimit(): number {
  return parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'))
}

/** @param limits the text of /proc/PID/limits (proc_pid_limits(5)) */
export function parseDescriptorLimit(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited) /m.exec(limits) ?? []
  if (soft === undefined) throw new Error('/proc/self/limits does not say how many files may be open')
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** Descriptors open now, the one of this look not counted. */
export function descriptorsInUse(): number {
  return readdirSync('/proc/self/fd').length - 1
}
