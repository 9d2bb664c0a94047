/** What a process and all its descendants cost, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'
import { execaSync } from 'execa'

const ticksPerSecond = Number(execaSync('getconf', ['CLK_TCK']).stdout)

interface Stat {
  parent: number
  /** User and system time of all threads, also finished ones, and of children already waited for; seconds. */
  cpu: number
}

/** proc(5), /proc/PID/stat; undefined when the process is gone. */
function readStat(pid: number): Stat | undefined {
  const text = readOrGone(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // the name may hold spaces and brackets, so fields count from the last bracket; the first is field 3
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = [14, 15, 16, 17].reduce((sum, number) => sum + Number(fields[number - 3]), 0)
  return { parent: Number(fields[4 - 3]), cpu: ticks / ticksPerSecond }
}

function readOrGone(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

/** The process and its descendants as they are now. */
function tree(root: number): Map<number, Stat> {
  const all = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
    if (stat !== undefined) all.set(Number(name), stat)
  }
  const members = new Map<number, Stat>()
  const queue = [root]
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const stat = all.get(pid)
    if (stat !== undefined) members.set(pid, stat)
    for (const [child, { parent }] of all) if (parent === pid) queue.push(child)
  }
  return members
}

/** CPU seconds so far of the process, its descendants and those it has waited for. Resolution 1 ÷ CLK_TCK. */
export function cpuSeconds(root: number): number {
  let sum = 0
  for (const { cpu } of tree(root).values()) sum += cpu
  return sum
}

export interface Memory {
  /** Resident bytes summed over the processes: pages they share count once for each. */
  rss: number
  /** Resident bytes with shared pages divided among their users: what the whole really takes. */
  pss: number
  processes: number
}

export function memory(root: number): Memory {
  const total: Memory = { rss: 0, pss: 0, processes: 0 }
  for (const pid of tree(root).keys()) {
    const text = readOrGone(`/proc/${pid}/smaps_rollup`)
    if (text === undefined) continue
    total.rss += kilobytes(text, 'Rss') * 1024
    total.pss += kilobytes(text, 'Pss') * 1024
    total.processes++
  }
  return total
}

function kilobytes(text: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1])
}
