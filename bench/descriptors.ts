/** How many descriptors a started program may have. */
import { readFileSync } from 'node:fs'
import { execaSync } from 'execa'

/** Two for each of 10,000 relayed connections, and as much again for those who need more. */
const WISHED = 65_536

/**
 * 65,536, or the hard limit where this process may not raise it (that takes CAP_SYS_RESOURCE).
 * @throws when even the hard limit cannot be read
 */
export const DESCRIPTORS = mayRaise() ? WISHED : Math.min(WISHED, hardLimit())

/** For the `prlimit` that starts a program. */
export const PRLIMIT = `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`

/** Relayed connections that fit: two descriptors each, and some for the program itself. */
export const RELAYED = Math.floor((DESCRIPTORS - 100) / 2)

function mayRaise(): boolean {
  return !execaSync('prlimit', [`--nofile=${WISHED}:${WISHED}`, '--', 'true'], { reject: false }).failed
}

function hardLimit(): number {
  const text = readFileSync('/proc/self/limits', 'utf8')
  const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(text)?.[1]
  if (hard === undefined) throw new Error('expected a limit of open files in /proc/self/limits, found none')
  return Number(hard)
}
