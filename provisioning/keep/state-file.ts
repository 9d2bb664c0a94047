/** The file in which `mptk keep` tells what it keeps, for `mptk run --kept-by`, which may do nothing of that itself. */
import {
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { KeepersStatus } from './keepers.js'

export const KEEP_FILE = '/run/mptk/keep.json'

export interface KeepFile {
  version: 1
  pid: number
  /** When it was written. */
  at: string
  /** The same on CLOCK_MONOTONIC, which all processes of a machine share and nobody sets, ms. */
  clock: number
  status: KeepersStatus
}

/** CLOCK_MONOTONIC, ms. */
export const machineClock = (): number => Number(process.hrtime.bigint() / 1_000_000n)

const keepFile = z.object({
  version: z.literal(1),
  pid: z.int(),
  at: z.iso.datetime(),
  clock: z.number(),
  status: z.custom<KeepersStatus>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
})

/** @throws {SystemError} ENOENT … @throws {SyntaxError | ZodError} when it is not such a file */
export function readKeepFile(path: string): KeepFile {
  return keepFile.parse(JSON.parse(readFileSync(path, 'utf8')))
}

/** Whole or not at all, for everybody to read. Its folder is made. @throws {SystemError} */
export function writeKeepFile(path: string, status: KeepersStatus): void {
  const value: KeepFile = {
    version: 1,
    pid: process.pid,
    at: new Date().toISOString(),
    clock: machineClock(),
    status,
  }
  const fresh = `${path}.new`
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  rmSync(fresh, { force: true })
  // never through somebody's link
  const fd = openSync(fresh, 'wx', 0o644)
  try {
    fchmodSync(fd, 0o644)
    writeSync(fd, `${JSON.stringify(value)}\n`)
  } finally {
    closeSync(fd)
  }
  renameSync(fresh, path)
}
