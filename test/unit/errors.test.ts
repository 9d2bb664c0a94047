import { readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { LOG_LIMIT_VARIABLE } from '../../src/log-file-limit.js'
import { describeError, ERRORS, errnoName, isSystemError, MptkError } from '../../src/errors.js'

const root = new URL('../../', import.meta.url)

function sources(folder: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(`${folder}/${file}`, root), 'utf8'))
}

void t.test('the catalogue', (t) => {
  const used = new Set(
    [...sources('src'), ...sources('proxy'), ...sources('provisioning'), ...sources('mininet')]
      .join('\n')
      .match(/'MPTK_[A-Z_]+'/g),
  )
  const known = Object.keys(ERRORS)
  for (const [code, meaning] of Object.entries(ERRORS)) {
    t.match(code, /^MPTK_[A-Z]+(_[A-Z]+)*$/)
    t.match(meaning, /^[a-zA-Z][^\n]+[^.]$/, `${code} has a meaning in one line`)
    t.ok(used.has(`'${code}'`), `${code} is used`)
  }
  t.strictSame(
    // a variable of the environment has such a name too
    [...used]
      .map((quoted) => quoted.slice(1, -1))
      .filter((code) => ![...known, LOG_LIMIT_VARIABLE].includes(code)),
    [],
  )
  t.equal(new Set(Object.values(ERRORS)).size, known.length, 'each code means something else')
  t.end()
})

void t.test('own errors', (t) => {
  const cause = new Error('deeper')
  const error = new MptkError('MPTK_DENIED', 'no', { cause })
  t.match(error, { name: 'MptkError', code: 'MPTK_DENIED', message: 'no' })
  t.equal(error.cause, cause)
  t.notOk(isSystemError(error))
  t.equal(errnoName(error), undefined)
  t.equal(describeError(error), 'no')
  t.equal(describeError('text'), 'text')
  t.end()
})

void t.test('errors of the kernel', async (t) => {
  // port 1 of an address of ours on which nothing listens
  const [error] = (await once(connect(1, '127.0.0.254'), 'error')) as [Error]
  t.ok(isSystemError(error))
  t.equal(errnoName(error), 'ECONNREFUSED')
})
