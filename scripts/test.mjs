// Everything that must hold before a change lands: build, type check, lint, then every test.
//   npm test                       all of it
//   npm test -- unit lab           only these folders of test/
//   npm test -- test/unit/x.test.ts  only this file, and nothing before it but the build
//   npm run test:quick             types, lint and the tests of test/unit
//   npm run test:nightly           all of it, with the long sweeps that are no part of the gate
// As root it first installs what the lab needs from Debian. Without root the folders in
// ROOT_ONLY are named and left out; with CI set, nothing may be left out or skipped.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { laneOf, ROOT_ONLY, testFiles, testFolders } from './testing/files.mjs'
import { runInLanes } from './testing/lanes.mjs'
import { runFile } from './testing/run-file.mjs'

/** Of the files that took longest, so many are listed at the end. */
const SLOWEST = 15
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(root, '.tap-out')
const coverage = join(output, 'coverage')
const inCI = process.env.CI !== undefined && process.env.CI !== ''
const isRoot = process.getuid?.() === 0
const began = performance.now()

function fail(message) {
  console.error(`npm test: ${message}`)
  process.exit(2)
}

function step(name, command, args) {
  console.log(`== ${name}`)
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  console.error(`${name} failed (${signal ?? `exit code ${status}`})`)
  process.exit(1)
}

/** What is asked for: files by path, or folders of test/; all folders when nothing is. */
function chosen(asked) {
  const folders = testFolders(root)
  const files = asked.filter((each) => each.endsWith('.test.ts'))
  const missing = files.find((file) => !existsSync(join(root, file)))
  if (missing !== undefined) fail(`expected a test file, found no ${missing}`)
  const wanted = asked.filter((each) => !files.includes(each))
  const unknown = wanted.find((folder) => !folders.includes(folder))
  if (unknown !== undefined) {
    fail(`expected one of ${folders.join(', ')} or a file *.test.ts, found ${JSON.stringify(unknown)}`)
  }
  return { files, folders: asked.length === 0 ? folders : wanted }
}

/** A check that is no test file, run beside them: one assertion. */
function check(name, command, args) {
  return {
    name,
    lane: 'free',
    async run() {
      const from = performance.now()
      const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
      const said = Promise.all([text(child.stdout), text(child.stderr)])
      const [code] = await once(child, 'close').catch((error) => [`${error}`])
      const ok = code === 0
      const common = { file: name, seconds: (performance.now() - from) / 1000, skipped: 0, comments: [] }
      return ok
        ? { ...common, passed: 1, failed: 0, failures: [], errors: [] }
        : {
            ...common,
            passed: 0,
            failed: 1,
            failures: [`${name} failed`],
            errors: (await said).join('').split('\n'),
          }
    },
  }
}

const fileJob = (file) => ({
  name: file,
  lane: laneOf(root, file),
  run: () =>
    runFile(root, output, file, file.startsWith(join('test', 'unit')) ? { NODE_V8_COVERAGE: coverage } : {}),
})

const results = []
async function runJob(job) {
  const result = await job.run()
  results.push(result)
  const { passed, failed, skipped, seconds } = result
  const counts = `${passed} passed${failed > 0 ? `, ${failed} FAILED` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`
  console.log(`${failed > 0 ? 'not ok' : 'ok'} ${seconds.toFixed(1).padStart(7)} s  ${job.name}  ${counts}`)
  if (job.lane !== 'free') for (const comment of result.comments) console.log(`      # ${comment}`)
  if (failed === 0) return
  for (const failure of result.failures) console.log(`      ${failure.replaceAll('\n', '\n      ')}`)
  for (const line of result.errors) console.log(`      | ${line}`)
}

const { files, folders } = chosen(process.argv.slice(2).filter((word) => word !== '--quick'))
const quick = process.argv.includes('--quick')
const wanted = quick ? ['unit'] : folders
const leftOut = isRoot ? [] : wanted.filter((folder) => ROOT_ONLY.includes(folder))
const single = files.length > 0

rmSync(output, { recursive: true, force: true })
mkdirSync(coverage, { recursive: true })
if (!single && !quick) {
  if (isRoot) step('lab tools', 'sh', [join('scripts', 'install-lab-tools.sh')])
  else spawnSync('sh', [join('scripts', 'install-lab-tools.sh'), '--check'], { cwd: root, stdio: 'inherit' })
}
step('build', 'npm', ['run', '--silent', 'build'])

const jobs = files.map(fileJob)
if (!single) {
  jobs.push(check('type check', 'npm', ['run', '--silent', 'typecheck']))
  jobs.push(check('lint', 'npm', ['run', '--silent', 'lint']))
  for (const folder of wanted.filter((each) => !leftOut.includes(each))) {
    jobs.push(...testFiles(root, folder).map(fileJob))
  }
}
const inLane = (lane) => jobs.filter((job) => job.lane === lane)
console.log(`== ${jobs.length} ${jobs.length === 1 ? 'file' : 'files and checks'}`)
await runInLanes({ free: inLane('free'), measured: inLane('measured'), alone: inLane('alone') }, runJob)
if (!single && wanted.includes('unit')) {
  // thresholds and what is counted: .c8rc.json
  await runJob(
    check('coverage of src/ by test/unit', 'npx', [
      'c8',
      'report',
      '--check-coverage',
      `--temp-directory=${coverage}`,
    ]),
  )
}

const total = (key) => results.reduce((sum, result) => sum + result[key], 0)
const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)
if (jobs.length > 1) {
  console.log('\nslowest:')
  for (const { seconds, file } of slowest) console.log(`${seconds.toFixed(1).padStart(8)} s  ${file}`)
}
for (const { file, failures } of results) {
  for (const failure of failures) console.error(`failed: ${file}: ${failure.split('\n')[0]}`)
}
if (leftOut.length > 0) {
  console.error(`not run without root: ${leftOut.map((folder) => `test/${folder}`).join(', ')}`)
}
const [passed, skipped] = [total('passed'), total('skipped')]
const incomplete = inCI && (skipped > 0 || leftOut.length > 0)
if (incomplete) console.error('skipped or left out, which counts as a failure here')
const failed = total('failed') + (incomplete ? skipped + leftOut.length : 0)
console.log(`${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
console.log(`${passed} passed, ${failed} failed, ${incomplete ? 0 : skipped} skipped`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
