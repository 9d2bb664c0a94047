// A log file that nobody rotates.
import { appendFileSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LOG_LIMIT_VARIABLE, LogFileLimit } from '../../src/log-file-limit.js'

function limited(t: Test, path: string, limit: string): LogFileLimit | undefined {
  const before = process.env[LOG_LIMIT_VARIABLE]
  process.env[LOG_LIMIT_VARIABLE] = limit
  const fd = openSync(path, 'a')
  t.teardown(() => {
    closeSync(fd)
    if (before === undefined) Reflect.deleteProperty(process.env, LOG_LIMIT_VARIABLE)
    else process.env[LOG_LIMIT_VARIABLE] = before
  })
  return LogFileLimit.ofEnvironment(fd)
}

void t.test('beyond its limit it begins anew, with the one before beside it', (t) => {
  const path = join(t.testdir({ log: '', 'log.1': 'much older' }), 'log')
  const limit = limited(t, path, '10')
  appendFileSync(path, '123456789')
  limit?.check()
  t.equal(readFileSync(path, 'utf8'), '123456789')
  appendFileSync(path, '0')
  limit?.check()
  t.equal(readFileSync(path, 'utf8'), '')
  t.equal(readFileSync(`${path}.1`, 'utf8'), '1234567890')
  appendFileSync(path, 'new')
  limit?.check()
  t.equal(readFileSync(path, 'utf8'), 'new')
  t.end()
})

void t.test('where the one before cannot be kept it begins anew all the same', (t) => {
  const folder = t.testdir({ log: 'too long for it', 'log.1': { 'a folder': 'in the way' } })
  const path = join(folder, 'log')
  limited(t, path, '10')?.check()
  t.equal(readFileSync(path, 'utf8'), '')
  t.end()
})

void t.test('no limit, and no file', (t) => {
  const path = join(t.testdir({ log: '' }), 'log')
  for (const limit of ['', '0', '-1', 'much']) t.equal(limited(t, path, limit), undefined)
  t.equal(limited(t, '/dev/null', '10'), undefined)
  t.notOk(existsSync('/dev/null.1'))
  t.end()
})
