/**
 * Runs a test file inside network and process namespaces of its own: fixed ports cannot clash,
 * nothing can leave the machine, and however the test ends, the kernel takes everything it
 * started away with it.
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
    [
      '--net',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--',
      process.execPath,
      ...process.execArgv,
      path,
    ],
    { env: { ...process.env, [INSIDE]: path } },
    'in a network namespace of its own',
  )
  return false
}
