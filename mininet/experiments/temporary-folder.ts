import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'mptk-lab-'

/** A folder for one experiment; those of runs that were killed are removed on the way. */
export async function temporaryFolder(): Promise<string> {
  const folder = tmpdir()
  for (const name of await readdir(folder)) {
    const pid = /^mptk-lab-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !(await isRunning(pid))) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
  return mkdtemp(join(folder, `${PREFIX}${process.pid}-`))
}

async function isRunning(pid: string): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // behind the name in parentheses; a process that has ended is listed until somebody takes note
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
