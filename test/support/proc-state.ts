/** What a process holds, as /proc tells. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Open descriptors by kind: `socket`, `pipe`, `anon_inode:[eventpoll]`, a path. */
export function openDescriptors(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {}
  const folder = `/proc/${pid}/fd`
  for (const fd of readdirSync(folder)) {
    let target
    try {
      target = readlinkSync(`${folder}/${fd}`)
    } catch {
      continue // closed while we looked
    }
    const kind = target.replace(/:\[\d+\]$/, '')
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(kinds).sort(([a], [b]) => a.localeCompare(b)))
}

/** Private memory in use, bytes: what a leak makes grow. File pages come and go as the kernel likes. */
export function privateMemory(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`/proc/${pid}/status has no RssAnon`)
  return Number(match[1]) * 1024
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
