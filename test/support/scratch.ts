import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A new empty folder, gone when the test ends. (A test's second `testdir` would take its first one's place.) */
export function scratchFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mptk-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
