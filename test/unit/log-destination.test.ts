// Where log lines go: pipes that nobody reads, full disks, files with a limit.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LogDestination, MOST_WAITING } from '../../src/log-destination.js'
import { native } from '../../src/native.js'
import { until } from '../support/until.js'

/** A named pipe, both ends open: nobody reads unless told. */
async function pipe(t: Test): Promise<{ read: number; write: number }> {
  const path = join(t.testdir(), 'pipe')
  await once(spawn('mkfifo', [path]), 'close')
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const write = openSync(path, constants.O_WRONLY)
  t.teardown(() => [read, write].forEach((fd) => closeSync(fd)))
  return { read, write }
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(1 << 20)
  let text = ''
  try {
    for (let count = 1; count > 0; text += buffer.toString('utf8', 0, count)) count = readSync(fd, buffer)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAGAIN') throw error
  }
  return text
}

const LINE = `${'x'.repeat(99)}\n`
const COUNT = 20_000

void t.test('a pipe that nobody reads for a while', async (t) => {
  const { read, write } = await pipe(t)
  const told: number[] = []
  const log = new LogDestination(write, {
    onDropped(lines) {
      told.push(lines)
      log.write(`${lines} dropped\n`)
    },
  })
  t.equal(native.nonBlocking(write, false), false, 'the description of others is left alone')
  for (let n = 0; n < COUNT; n++) log.write(LINE)
  const { dropped } = log
  t.ok(dropped > 0 && dropped < COUNT)
  t.strictSame(told, [], 'it is not over yet')

  let text = ''
  await until('all that was kept is there', () => {
    text += readAll(read)
    return text.endsWith('dropped\n') ? undefined : `${text.length} bytes`
  })
  t.equal(text, `${LINE.repeat(COUNT - dropped)}${dropped} dropped\n`, 'whole lines, in their order')
  t.ok(text.length >= MOST_WAITING)
  log.write('on\n')
  await until('it goes on', () => (readAll(read) === 'on\n' ? undefined : 'nothing'))
  t.strictSame(told, [dropped])
  await log.close(1)
})

void t.test('closing takes no longer than it may, and drops what comes after', async (t) => {
  const { write } = await pipe(t)
  const log = new LogDestination(write, { onDropped: () => t.fail('it never ends') })
  for (let n = 0; n < COUNT; n++) log.write(LINE)
  const { dropped } = log
  await log.close(20)
  log.write(LINE)
  t.equal(log.dropped, dropped + 1)
})

void t.test('closing waits for a reader who comes', async (t) => {
  const { read, write } = await pipe(t)
  const log = new LogDestination(write, { onDropped: () => undefined })
  for (let n = 0; n < 5000; n++) log.write(LINE)
  const closed = log.close(60_000)
  let text = ''
  const reading = setInterval(() => (text += readAll(read)), 1)
  await closed
  clearInterval(reading)
  t.equal(text + readAll(read), LINE.repeat(5000))
})

void t.test('a socket that others share: O_NONBLOCK while it is in use', async (t) => {
  const fd = native.socket({ family: 4, protocol: 'tcp' })
  t.teardown(() => native.close(fd))
  native.nonBlocking(fd, false)
  const log = new LogDestination(fd, { onDropped: () => undefined })
  t.equal(native.nonBlocking(fd, true), true)
  await log.close(1)
  t.equal(native.nonBlocking(fd, false), false)
})

void t.test('a full disk', async (t) => {
  const full = openSync('/dev/full', 'a')
  t.teardown(() => closeSync(full))
  const log = new LogDestination(full, { onDropped: () => t.fail('it never ends') })
  for (let n = 0; n < COUNT; n++) log.write(LINE)
  t.ok(log.dropped > COUNT / 4)
  await log.close(1)
})

void t.test('no descriptor at all', (t) => {
  t.throws(() => new LogDestination(1_000_000, { onDropped: () => undefined }), { code: 'EBADF' })
  t.end()
})

void t.test('a file: every line, and told between lines that it has grown', async (t) => {
  const path = join(t.testdir({ log: 'before\n' }), 'log')
  const fd = openSync(path, 'a')
  t.teardown(() => closeSync(fd))
  let grown = 0
  const log = new LogDestination(fd, {
    onDropped: () => t.fail('nothing is dropped'),
    onGrown() {
      grown++
      t.ok(readFileSync(path, 'utf8').endsWith('\n'))
    },
  })
  for (let n = 0; n < 1000; n++) log.write(LINE)
  appendFileSync(path, 'of another\n')
  await log.close(60_000)
  t.ok(grown > 0)
  t.equal(readFileSync(path, 'utf8').replace('of another\n', ''), `before\n${LINE.repeat(1000)}`)
})
