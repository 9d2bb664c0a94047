import t from 'tap'
import { native } from '../../../src/native.js'
import { addon, runScript } from './child.js'
import { Loopback, thrown } from './loopback.js'
import { relayed, ROUTES, startRelay } from './relayed.js'

const SPLICED = { name: 'TCP to TCP spliced', client: 'tcp', server: 'tcp', mode: 'splice' } as const

void t.test('stop aborts what is open, delivers every end and takes nothing more', async (t) => {
  const loopback = new Loopback(t)
  const engine = new native.RelayEngine(2)
  const all = await Promise.all(ROUTES.map((route) => relayed(engine, loopback, route)))
  engine.stop()
  t.equal(engine.active, all.length, 'the ends come by the event loop')
  for (const { ended } of all) t.match(await ended, { cause: 'aborted' })
  t.equal(engine.active, 0)
  engine.stop()
  const { server, client } = await loopback.pair({ family: 4, protocol: 'tcp' })
  const error = thrown(() => startRelay(engine, server, client, { mode: 'copy', idleTimeout: 0 }))
  t.match(error, { code: 'ESHUTDOWN', syscall: 'relay' })
  for (const { relay } of all) relay.abort()
})

void t.test('done may start a relay, and stop the engine', async (t) => {
  const loopback = new Loopback(t)
  const engine = new native.RelayEngine(1)
  const first = await relayed(engine, loopback, SPLICED)
  const chained = first.ended.then(() =>
    startRelay(engine, first.a, first.b, { mode: 'copy', idleTimeout: 0 }),
  )
  first.relay.abort()
  const second = await chained
  engine.stop()
  t.match(await second.ended, { cause: 'aborted' })
})

/** A script's own sockets: two connected pairs and a relay between them. */
const pairs = `${addon}
import { once } from 'node:events'
function pair() {
  const listener = native.socket({ family: 4, protocol: 'tcp' })
  native.bind(listener, '127.0.0.1', 0)
  native.listen(listener, 1)
  const { address, port } = native.localAddress(listener)
  const client = native.socket({ family: 4, protocol: 'tcp' })
  native.connect(client, address, port)
  let accepted = []
  while (accepted.length === 0) accepted = native.accept(listener, 1)
  native.close(listener)
  return [client, accepted[0].fd]
}
const options = { mode: 'splice', idleTimeout: 0 }
`

void t.test('process.exit with relays open', async (t) => {
  const ended = await runScript(`${pairs}
    const engine = new native.RelayEngine(2)
    for (let i = 0; i < 20; i++) engine.relay(pair()[1], pair()[0], options, () => console.log('done'))
    console.log(engine.active)
    process.exit(3)
  `)
  t.match(ended, { code: 3, signal: null, output: '20\n', errors: '' })
})

void t.test('a relay keeps the process alive, an engine without one does not', async (t) => {
  const ended = await runScript(`${pairs}
    const engine = new native.RelayEngine(2)
    const [client, a] = pair()
    const [b, server] = pair()
    engine.relay(a, b, options, (cause) => console.log(cause))
    setTimeout(() => (native.shutdown(client), native.shutdown(server)), 50).unref()
  `)
  // the timer alone would not: without the relay's hold the process ends before it fires
  t.match(ended, { code: 0, signal: null, output: 'eof\n', errors: '' })
})

void t.test('an exception in done is uncaught, and the other ends are delivered', async (t) => {
  const ended = await runScript(`${pairs}
    process.on('uncaughtException', (error) => console.log(error.message))
    const engine = new native.RelayEngine(1)
    for (let i = 0; i < 3; i++) {
      engine.relay(pair()[1], pair()[0], options, () => { throw new Error('thrown ' + i) })
    }
    engine.stop()
  `)
  t.match(ended, { code: 0, signal: null, errors: '' })
  t.same(ended.output.trim().split('\n').sort(), ['thrown 0', 'thrown 1', 'thrown 2'])
})

void t.test('a worker that is terminated with relays open', async (t) => {
  const ended = await runScript(`${pairs}
    import { Worker } from 'node:worker_threads'
    const worker = new Worker(${JSON.stringify(`${pairs}
      import { parentPort } from 'node:worker_threads'
      const engine = new native.RelayEngine(2)
      for (let i = 0; i < 20; i++) engine.relay(pair()[1], pair()[0], options, () => undefined)
      parentPort.postMessage(engine.active)
      setInterval(() => undefined, 1000)
    `)}, { eval: true, execArgv: ['--input-type=module'] })
    const [active] = await once(worker, 'message')
    console.log(active, await worker.terminate())
  `)
  t.match(ended, { code: 0, signal: null, output: '20 1\n', errors: '' })
})

void t.test('engines and handles that nobody holds are collected', async (t) => {
  const ended = await runScript(`
    import v8 from 'node:v8'
    import vm from 'node:vm'
    import { readdirSync } from 'node:fs'
    ${pairs}
    v8.setFlagsFromString('--expose-gc')
    const gc = vm.runInNewContext('gc')
    const threads = () => readdirSync('/proc/self/task').length
    const before = threads()
    async function use() {
      const engine = new native.RelayEngine(3)
      const [client, a] = pair()
      const [b, server] = pair()
      const end = new Promise((resolve) => engine.relay(a, b, options, resolve))
      // only the relay in progress holds the engine now
      gc()
      native.shutdown(client)
      native.shutdown(server)
      return end
    }
    console.log(await use())
    while (threads() > before) {
      gc()
      await new Promise((resolve) => setImmediate(resolve))
    }
    console.log('collected')
  `)
  t.match(ended, { code: 0, signal: null, output: 'eof\ncollected\n', errors: '' })
})
