/** What an old Node is told, before it meets anything it cannot read. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { nodeProblem } from '../../../bin/node-version.js'
import { runTool } from '../../support/tools.js'

void t.test('which Node is new enough', (t) => {
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '100.1.2-nightly']) {
    t.equal(nodeProblem(version, '/usr/bin/node'), undefined, version)
  }
  t.equal(
    nodeProblem('18.20.8', '/usr/bin/node'),
    'mptk needs Node 20.19 or later; this is 18.20.8 (/usr/bin/node)',
  )
  for (const version of ['20.18.3', '12.22.12', '8.17.0', '2.19.0'])
    t.type(nodeProblem(version, 'node'), 'string')
  t.end()
})

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** As if this Node were an older one. */
const OLD =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.8"}})'

void t.test('the command and the installation say so, and nothing else', async (t) => {
  for (const program of ['bin/mptk.js', 'scripts/build-native.mjs']) {
    const { code, stderr, stdout } = await runTool(process.execPath, ['--import', OLD, at(program)])
    t.equal(code, 1, program)
    t.equal(stderr, `mptk needs Node 20.19 or later; this is 18.20.8 (${process.execPath})\n`)
    t.equal(stdout.toString(), '')
  }
})

void t.test('the launcher loads nothing before it has looked', (t) => {
  const imports = ['bin/mptk.js', 'bin/node-version.js'].flatMap((file) =>
    [...readFileSync(at(file), 'utf8').matchAll(/^import .* from '(.*)'$/gm)].map(([, from]) => from),
  )
  t.strictSame(imports, ['./node-version.js', 'fs'])
  t.end()
})

void t.test('a newer Node gets the command', async (t) => {
  const { code, stdout } = await runTool(process.execPath, [at('bin/mptk.js'), '--version'])
  t.equal(code, 0)
  t.match(stdout.toString(), /^\d+\.\d+\.\d+\n$/)
})
