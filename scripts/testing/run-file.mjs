/** One test file as a process: its assertions counted, its output kept, its end told in one line. */
import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Parser } from 'tap-parser'

/** Seconds; for a test that hangs, not for one on a slow machine. */
const MOST_SECONDS = 900
/** Of an error stream, what is shown when the file fails. */
const LAST_LINES = 60
/** Characters; the whole stands in the kept output. */
const LONGEST_DIAGNOSIS = 2000

/**
 * @typedef {object} FileResult
 * @property {string} file
 * @property {number} seconds
 * @property {number} passed leaves: a parent's line only repeats what its subtests said
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} failures names of what failed, from the outside in
 * @property {string[]} comments figures that the test prints
 * @property {string[]} errors last lines of its error stream, where it failed
 */

/** What of a failure's diagnosis helps: what differed, and where. */
function diagnosisOf({ diff, at, stack } = {}) {
  const place = at === undefined ? (stack ?? '') : `${at.fileName}:${at.lineNumber}`
  return `\n${[place, diff ?? ''].filter((part) => part !== '').join('\n')}`.slice(0, LONGEST_DIAGNOSIS)
}

/** Counts a TAP stream's leaves as it comes. */
function counter(result) {
  const watch = (parser, path) => {
    let children = 0
    parser.on('child', (child) => {
      children++
      watch(child, [...path, child.name])
    })
    parser.on('comment', (comment) => {
      const text = comment.trim()
      if (!/^# (Subtest|time=|\{|timeout)/.test(text)) result.comments.push(text.slice(2))
    })
    parser.on('assert', (assert) => {
      const isParent = children > 0
      children = 0
      if (assert.skip || assert.todo) result.skipped++
      else if (!assert.ok) {
        if (isParent) return
        result.failed++
        result.failures.push([...path, assert.name].join(' > ') + diagnosisOf(assert.diag))
      } else if (!isParent) result.passed++
    })
  }
  const parser = new Parser()
  watch(parser, [])
  return parser
}

/** @returns {Promise<FileResult>} never rejects: a file that cannot be run has failed */
export async function runFile(root, output, file, env = {}) {
  const result = {
    file,
    seconds: 0,
    passed: 0,
    failed: 0,
    skipped: 0,
    failures: [],
    comments: [],
    errors: [],
  }
  const from = performance.now()
  const kept = join(output, `${file}.tap`)
  mkdirSync(dirname(kept), { recursive: true })
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: `${MOST_SECONDS}`, ...env },
  })
  const log = createWriteStream(kept)
  const parser = counter(result)
  child.stdout.pipe(log)
  child.stdout.pipe(parser)
  const errors = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line)
    if (errors.length > LAST_LINES) errors.shift()
  })
  const overdue = setTimeout(() => child.kill('SIGKILL'), MOST_SECONDS * 1000)
  const [code, signal] = await once(child, 'close').catch((error) => [`${error}`])
  clearTimeout(overdue)
  if (code !== 0 && result.failed === 0) {
    result.failed++
    result.failures.push(`the file ended by ${signal ?? `exit code ${code}`}`)
  }
  if (result.failed > 0) result.errors = errors
  if (result.failed + result.passed + result.skipped === 0) {
    result.failed++
    result.failures.push('the file holds no assertion')
  }
  result.seconds = (performance.now() - from) / 1000
  return result
}
