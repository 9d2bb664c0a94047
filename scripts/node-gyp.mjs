// Compiles binding.gyp's addon with node-gyp, in a folder that has binding.gyp and native/.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const prefix = dirname(dirname(process.execPath))
/** A machine that cannot download Node's headers builds against those beside the node binary, where distributions put them. */
const localHeaders = existsSync(join(prefix, 'include', 'node', 'node_api.h'))

/**
 * Leaves build/Release/mptk.node in `cwd`; what else was in build/ there is gone.
 * @param {string} cwd
 * @param {string[]} words more arguments, as `--arch=arm64`
 * @param {Record<string, string>} env what the compilers are, where not the machine's own
 * @returns {boolean} false when it did not build: what is missing has been said by then
 */
export function compileAddon(cwd, words = [], env = {}) {
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  const headers = localHeaders ? [`--nodedir=${prefix}`] : []
  const { status } = spawnSync(
    process.execPath,
    [nodeGyp, 'rebuild', '--loglevel=warn', ...headers, ...words],
    { cwd, stdio: 'inherit', env: { ...process.env, ...env } },
  )
  if (status === 0) return true
  console.error(
    'mptcp-toolkit: the native core did not build. It needs gcc, make and python3' +
      ' (Debian: apt-get install build-essential python3)' +
      (localHeaders
        ? '.'
        : ", and Node's headers, which node-gyp downloads when they are not beside the node binary."),
  )
  return false
}

/** Whether this Node can load an addon; tried in a process of its own, since a wrong one may end it. */
export function addonLoads(file) {
  return (
    existsSync(file) &&
    spawnSync(process.execPath, ['-e', 'require(process.argv[1])', file], { stdio: 'ignore' }).status === 0
  )
}
