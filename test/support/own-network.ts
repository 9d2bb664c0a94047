/**
 * Runs a test file inside a network namespace of its own: fixed ports cannot clash, nothing can
 * leave the machine, sysctls are private, and the kernel takes everything away with the last process.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const INSIDE = 'MPTK_TEST_OWN_NETWORK'

/**
 * True in the copy that runs inside the namespace, with loopback up. Outside, starts that copy
 * as a subtest and answers false: the file then has nothing more to do.
 */
export function inOwnNetwork(t: Test, file: string): boolean {
  const path = fileURLToPath(file)
  if (process.env[INSIDE] === path) {
    execFileSync('ip', ['link', 'set', 'lo', 'up'])
    return true
  }
  void t.spawn(
    'unshare',
    ['--net', '--', process.execPath, ...process.execArgv, path],
    { env: { ...process.env, [INSIDE]: path } },
    'in a network namespace of its own',
  )
  return false
}
