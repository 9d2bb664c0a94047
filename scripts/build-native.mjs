// Run by npm install. In a checkout: builds native/ with node-gyp, then the link emulator of the lab
// with make (after it, because node-gyp empties build/ first). In an installed package: compiles only
// where no prebuilt core of the package loads, and the link emulator only where there is a compiler,
// since nobody but the lab needs it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeProblem } from '../bin/node-version.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** A checkout has the sources of everything and wants what they say now, whatever was made before. */
const checkout = existsSync(join(root, 'tsconfig.build.json'))

const problem = nodeProblem(process.versions.node, process.execPath)
if (problem !== undefined) {
  console.error(problem)
  process.exit(1)
}

// imported only by a Node that is new enough for it
const { addonLoads, compileAddon } = await import('./node-gyp.mjs')

const prebuilt = join(root, 'prebuilds', `linux-${process.arch}-glibc`, 'mptk.node')
if (!checkout && addonLoads(prebuilt)) console.log('mptcp-toolkit: the prebuilt native core is used')
else if (!compileAddon(root)) process.exit(1)

const works = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
if (!checkout && !(works('make') && works('cc'))) {
  console.log('mptcp-toolkit: without the link emulator of the lab, which needs gcc and make')
  process.exit(0)
}
const { status } = spawnSync(
  'make',
  ['-s', '-C', join(root, 'native', 'linkem'), `OUT=${join(root, 'build')}`],
  {
    stdio: 'inherit',
  },
)
if (status !== 0) console.error('mptcp-toolkit: the link emulator (native/linkem) did not build.')
// nobody but the lab needs it
process.exit(checkout ? (status ?? 1) : 0)
