/** `mptk lab …` as a test runs it: everything that it starts carries a mark in its environment by which it is found again. */
import { access, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { start, type Command } from './process.js'

let count = 0

export interface LabRun {
  command: Command
  /** Processes that this run has started, directly or not, with the words of their command lines. */
  processes(): Promise<{ pid: number; argv: string[] }[]>
  /** The only one whose command line matches. @throws when there is none */
  find(pattern: RegExp): Promise<number>
  /** Ends with SIGKILL, all at the same time. */
  kill(...pids: number[]): void
}

export function startLab(t: Test, args: string[]): LabRun {
  const mark = `MPTK_TEST_RUN=${process.pid}-${++count}`
  const [name = '', value = ''] = mark.split('=')
  const command = start(t, ['lab', ...args], { env: { [name]: value } })
  const processes = async (): Promise<{ pid: number; argv: string[] }[]> => {
    const found: { pid: number; argv: string[] }[] = []
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue
      const environment = await read(`/proc/${entry}/environ`)
      if (!environment.includes(mark)) continue
      found.push({ pid: Number(entry), argv: await read(`/proc/${entry}/cmdline`) })
    }
    // one that has ended and was not waited for has an empty command line
    return found.filter(({ argv }) => argv.join('') !== '')
  }
  return {
    command,
    processes,
    async find(pattern) {
      const all = await processes()
      const found = all.find(({ argv }) => pattern.test(argv.join(' ')))
      if (found === undefined) {
        throw new Error(
          `no process matches ${pattern.source}: ${all.map(({ argv }) => argv.join(' ')).join('; ')}`,
        )
      }
      return found.pid
    },
    kill(...pids) {
      for (const pid of pids) process.kill(pid, 'SIGKILL')
    },
  }
}

/** Folders of runs that are gone. */
export async function leftFolders(): Promise<string[]> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith('mptk-lab-'))
  const gone = await Promise.all(
    names.map((name) =>
      access(`/proc/${name.split('-')[2] ?? ''}`).then(
        () => false,
        () => true,
      ),
    ),
  )
  return names.filter((_, index) => gone[index]).map((name) => join(tmpdir(), name))
}

async function read(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\0')
}
