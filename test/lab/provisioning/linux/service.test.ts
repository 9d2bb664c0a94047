/** Services without systemd: real programs, ready when they listen, gone without a trace. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import t from 'tap'
import { serviceDriver } from '../../../../provisioning/linux/service.js'
import type { ServiceResource } from '../../../../provisioning/resource.js'
import { localRunner } from '../../../../src/exec.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe } from '../../../support/round-trip.js'
import { until } from '../../../support/until.js'

/** Listens on the port that its file names; says its umask and how many descriptors it may have. */
const SERVER = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
const port = Number(readFileSync(process.argv[2], 'utf8'))
if (port === 0) throw new Error('no port in the file')
console.log('words:', process.argv.slice(3).join('|'))
console.log('limit:', process.env.MPTK_LOG_LIMIT)
if (process.argv.includes('stubborn')) process.on('SIGTERM', () => console.log('no'))
createServer().listen(port, '127.0.0.1')
`

/** A process whose first thread ends, while another one goes on to serve. */
const LEFT_BY_ITS_FIRST_THREAD = `
import ctypes, socket, threading, time
listener = socket.create_server(('127.0.0.1', 7001))
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)
`

if (inOwnNetwork(t, import.meta.url)) {
  const folder = await mkdtemp(join(tmpdir(), 'drivers-service-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const program = join(folder, 'server.mjs')
  const config = join(folder, 'config')
  await writeFile(program, SERVER)
  const place = placeOf(join(folder, 'state'))
  const service = (...words: string[]): ServiceResource => ({
    kind: 'service',
    name: 'mptk-test',
    argv: [process.execPath, program, config, ...words],
    listens: [{ protocol: 'tcp', address: '127.0.0.1', port: 7001 }],
    restartOn: [config],
    capabilities: [],
    why: 'test',
  })
  const sockets = async () => (await localRunner.run(['ss', '-Hltn'])).stdout
  const leftovers = () => readdir(place.state).catch(() => [])
  const pid = async () => (await readFile(join(place.state, 'mptk-test.pid'), 'utf8')).split(' ')[0]

  void t.test('there and back, from wherever it was cut off', async (t) => {
    await writeFile(config, '7001')
    const resource = service('one two', '$(id)', "it's", '')
    const state = await probe(serviceDriver, resource, place)
    t.equal(state, null)
    const commands = serviceDriver.apply(state, resource, place)
    for (let done = 0; done <= commands.length; done++) {
      await perform(commands.slice(0, done))
      if (done === commands.length) {
        t.match(await sockets(), /127\.0\.0\.1:7001/, 'it listens when the commands are done')
        const now = await probe(serviceDriver, resource, place)
        t.ok(serviceDriver.satisfied(now, resource), 'there')
        t.strictSame(serviceDriver.apply(now, resource, place), [], 'nothing to do a second time')
        t.equal(serviceDriver.conflict?.(now, resource), undefined)
        t.match(
          await readFile(join(place.state, 'mptk-test.log'), 'utf8'),
          "words: one two|$(id)|it's|\nlimit: 8388608\n",
        )
        const session = await localRunner.run(['ps', '-o', 'sid=', '-p', (await pid()) ?? ''])
        t.equal(session.stdout.trim(), await pid(), 'in a session of its own')
      }
      await perform(serviceDriver.restore(state, resource, place))
      t.equal(await sockets(), '', `nobody listens after ${done} of ${commands.length} and back`)
      t.strictSame(await leftovers(), [], 'nothing is left')
      if (done === commands.length) {
        const kept = await readFile(join(`${place.state}-log`, 'mptk-test.log'), 'utf8')
        t.match(kept, "words: one two|$(id)|it's|\n", 'its log is kept')
      }
      t.equal(await probe(serviceDriver, resource, place), null)
      await perform(serviceDriver.restore(state, resource, place))
    }
  })

  void t.test('restarted when what it reads or what it is has changed, and back to what ran', async (t) => {
    await writeFile(config, '7001')
    const first = service('first')
    await perform(serviceDriver.apply(null, first, place))
    const before = await pid()
    await writeFile(config, '7001\n')
    const changed = await probe(serviceDriver, first, place)
    t.notOk(serviceDriver.satisfied(changed, first), 'a file it reads is another')
    t.equal(serviceDriver.describe(changed, first).from, 'running as it was before')
    await perform(serviceDriver.apply(changed, first, place))
    t.not(await pid(), before)

    const second = service('second', 'stubborn')
    const state = await probe(serviceDriver, second, place)
    t.notOk(serviceDriver.satisfied(state, second), 'other words')
    await perform(serviceDriver.apply(state, second, place))
    t.ok(serviceDriver.satisfied(await probe(serviceDriver, second, place), second))
    t.strictSame(
      serviceDriver.after?.(state, second, new Set(['file /elsewhere'])),
      state,
      'files of others do not matter',
    )
    const now = await probe(serviceDriver, second, place)
    const later = serviceDriver.after?.(now, second, new Set([`file ${config}`])) ?? null
    t.notOk(serviceDriver.satisfied(later, second), 'a file that the same plan changes does')
    // it does not listen to TERM
    await perform(serviceDriver.restore(state, second, place))
    t.strictSame(await probe(serviceDriver, second, place), state, 'the first runs again')
    t.ok(serviceDriver.satisfied(await probe(serviceDriver, first, place), first))
    const untouched = await pid()
    await perform(serviceDriver.restore(state, second, place))
    t.equal(await pid(), untouched, 'an undo of what was never begun leaves it alone')
    await perform(serviceDriver.restore(null, first, place))
    t.equal(await sockets(), '')
  })

  void t.test('one that ends at once: its last words, and soon', async (t) => {
    await writeFile(config, 'none')
    const resource = service()
    const began = performance.now()
    await t.rejects(perform(serviceDriver.apply(null, resource, place)), {
      message: /no port in the file|has ended/,
    })
    t.ok(performance.now() - began < 25_000, 'without waiting for a socket that cannot come')
    t.equal((await probe(serviceDriver, resource, place))?.active ?? false, false)
    await perform(serviceDriver.restore(null, resource, place))
    t.strictSame(await leftovers(), [])
  })

  void t.test('it has ended when the last of its threads has', async (t) => {
    const threads = join(folder, 'threads.py')
    await writeFile(threads, LEFT_BY_ITS_FIRST_THREAD)
    const resource = { ...service(), argv: ['/usr/bin/python3', threads] }
    await perform(serviceDriver.apply(null, resource, place))
    await until('its first thread is gone', async () => {
      const { stdout } = await localRunner.run(['ps', '-o', 'stat=', '-p', (await pid()) ?? ''])
      return stdout.startsWith('Z') ? undefined : stdout
    })
    t.match(await sockets(), /:7001/, 'it listens all the same')
    t.equal((await probe(serviceDriver, resource, place))?.active, true)
    await perform(serviceDriver.restore(null, resource, place))
    t.equal(await sockets(), '')
  })

  void t.test('somebody who has the address already', async (t) => {
    const other = createServer()
    other.listen(7001, '0.0.0.0')
    await once(other, 'listening')
    t.teardown(() => other.close())
    const state = await probe(serviceDriver, service(), place)
    t.match(serviceDriver.conflict?.(state, service()), /tcp 0\.0\.0\.0:7001 by node/)
  })

  void t.test('a record whose process number belongs to somebody else by now', async (t) => {
    await writeFile(config, '7001')
    const resource = service()
    await perform(serviceDriver.apply(null, resource, place))
    const record = join(place.state, 'mptk-test.pid')
    const genuine = await readFile(record, 'utf8')
    // this process, with the start time of the other
    await writeFile(record, genuine.replace(/^\d+/, `${process.pid}`))
    await perform(serviceDriver.restore(null, resource, place))
    t.match(await sockets(), /:7001/, 'the service was not signalled, and neither was this process')
    await localRunner.run(['mkdir', '-p', place.state])
    await writeFile(record, genuine)
    await perform(serviceDriver.restore(null, resource, place))
    t.equal(await sockets(), '')
  })
}
