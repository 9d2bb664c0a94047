// Everything that must hold before a change lands: type check, lint, build, then every test.
//   npm test                 all of it
//   npm test -- unit lab     only these folders of test/
// As root it first installs what the lab needs from Debian. Without root the folders in
// ROOT_ONLY are named and left out; with CI set, nothing may be left out or skipped.
import { spawnSync } from 'node:child_process'
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { Parser } from 'tap-parser'

const ROOT_ONLY = ['lab', 'interop', 'chaos', 'hostile', 'docs']
/** What begins so runs two at a time: each file has its own namespaces, and none takes a measurement that another could disturb. */
const UNMEASURED = [
  'test/interop/',
  'test/lab/kernel-',
  'test/lab/models/killed',
  'test/lab/path-',
  'test/lab/provisioning/',
  'test/lab/proxy/',
  'test/lab/uplinks/keeper',
  'test/lab/uplinks/ndiffports',
  'test/lab/uplinks/watcher',
]
const TWO_AT_A_TIME = ['--jobs=2']
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(root, '.tap-out')
const inCI = process.env.CI !== undefined && process.env.CI !== ''
const isRoot = process.getuid?.() === 0

function step(name, command, args, { fatal = true } = {}) {
  console.log(`\n== ${name}`)
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return true
  console.error(`${name} failed (${signal ?? `exit code ${status}`})`)
  if (fatal) process.exit(1)
  return false
}

function testFiles(folder) {
  const path = join(root, 'test', folder)
  if (!existsSync(path)) return []
  return readdirSync(path, { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', folder, file))
    .sort()
}

const measuresNothing = (file) => UNMEASURED.some((folder) => file.startsWith(folder))

/** Counts leaves: a parent's line only repeats what its subtests said. */
async function count(file, totals) {
  const watch = (parser, path) => {
    let children = 0
    parser.on('child', (child) => {
      children++
      watch(child, [...path, child.name])
    })
    parser.on('assert', (assert) => {
      const isParent = children > 0
      children = 0
      if (assert.skip || assert.todo) totals.skipped++
      else if (!assert.ok) {
        if (isParent) return
        totals.failed++
        totals.failures.push([...path, assert.name].join(' > '))
      } else if (!isParent) totals.passed++
    })
  }
  const parser = new Parser()
  watch(parser, [])
  await pipeline(createReadStream(file), parser)
}

const all = readdirSync(join(root, 'test')).filter((folder) => testFiles(folder).length > 0)
const asked = process.argv.slice(2)
const unknown = asked.find((folder) => !all.includes(folder))
if (unknown !== undefined) {
  console.error(`npm test: expected one of ${all.join(', ')}, found ${JSON.stringify(unknown)}`)
  process.exit(2)
}
const wanted = asked.length > 0 ? asked : all
const leftOut = isRoot ? [] : wanted.filter((folder) => ROOT_ONLY.includes(folder))

step('lab tools', 'sh', [join('scripts', 'install-lab-tools.sh'), ...(isRoot ? [] : ['--check'])], {
  fatal: isRoot,
})
step('type check', 'npm', ['run', '--silent', 'typecheck'])
step('lint', 'npm', ['run', '--silent', 'lint'])
step('build', 'npm', ['run', '--silent', 'build'])

rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })
const totals = { passed: 0, failed: 0, skipped: 0, failures: [] }

/** Runs test files, one after another unless the options say otherwise. `otherwise` is what it means when the runner fails though no test did. */
async function run(name, files, options = [], otherwise = 'the test runner failed') {
  if (files.length === 0) return
  const results = join(output, `${name}.tap`)
  const before = totals.failed
  const args = ['tap', 'run', `--output-file=${results}`, ...options, ...files]
  const succeeded = step(`tests: ${name}`, 'npx', args, { fatal: false })
  if (existsSync(results)) await count(results, totals)
  if (succeeded || totals.failed > before) return
  totals.failed++
  totals.failures.push(`${name}: ${otherwise}`)
}

// quick folders first: what breaks there explains what breaks later
const folders = wanted.filter((folder) => !leftOut.includes(folder))
if (folders.includes('unit')) {
  const coverage = [
    '--no-disable-coverage',
    '--no-allow-incomplete-coverage',
    '--coverage-report=text-summary',
    ...TWO_AT_A_TIME,
  ]
  await run('unit', testFiles('unit'), coverage, 'coverage is below the thresholds of .taprc')
}
for (const folder of folders.filter((each) => each !== 'unit')) {
  const files = testFiles(folder)
  await run(
    folder,
    files.filter((file) => !measuresNothing(file)),
  )
  await run(`${folder}, two at a time`, files.filter(measuresNothing), TWO_AT_A_TIME)
}

for (const failure of totals.failures) console.error(`failed: ${failure}`)
if (leftOut.length > 0) {
  console.error(`not run without root: ${leftOut.map((folder) => `test/${folder}`).join(', ')}`)
}
const incomplete = inCI && (totals.skipped > 0 || leftOut.length > 0)
if (incomplete) console.error('skipped or left out, which counts as a failure here')
const failed = totals.failed + (incomplete ? totals.skipped + leftOut.length : 0)
console.log(`${totals.passed} passed, ${failed} failed, ${incomplete ? 0 : totals.skipped} skipped`)
process.exit(failed === 0 && totals.passed > 0 ? 0 : 1)
