// Builds native/ with node-gyp, then the link emulator of the lab with make: after it, because node-gyp
// empties build/ first. A machine that cannot download Node's headers
// builds against those beside the node binary, where distributions put them.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const prefix = dirname(dirname(process.execPath))
const localHeaders = existsSync(join(prefix, 'include', 'node', 'node_api.h'))
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')

const result = spawnSync(
  process.execPath,
  [nodeGyp, 'rebuild', '--loglevel=warn', ...(localHeaders ? [`--nodedir=${prefix}`] : [])],
  { cwd: root, stdio: 'inherit' },
)
if (result.status !== 0) {
  console.error(
    'mptcp-toolkit: the native core did not build. It needs gcc, make and python3' +
      ' (Debian: apt-get install build-essential python3)' +
      (localHeaders
        ? '.'
        : ", and Node's headers, which node-gyp downloads when they are not beside the node binary."),
  )
  process.exit(result.status ?? 1)
}

const linkem = spawnSync('make', ['-s', '-C', join(root, 'native', 'linkem'), `OUT=${join(root, 'build')}`], {
  stdio: 'inherit',
})
if (linkem.status !== 0) console.error('mptcp-toolkit: the link emulator (native/linkem) did not build.')
process.exit(linkem.status ?? 1)
