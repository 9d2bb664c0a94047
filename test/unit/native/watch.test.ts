import { connect } from 'node:net'
import t from 'tap'
import { native, type Watcher } from '../../../src/native.js'
import { addon, runScript } from './child.js'
import { Loopback, ready, receive, until } from './loopback.js'

const tcp = { family: 4, protocol: 'tcp' } as const
const READ = { readable: true, writable: false }
const WRITE = { readable: false, writable: true }

/** Poll handles that libuv has, open or closing. */
function pollHandles(): number {
  const { libuv } = process.report.getReport() as unknown as { libuv: { type: string }[] }
  return libuv.filter(({ type }) => type === 'poll').length
}

void t.test('level-triggered until stopped, and started again', async (t) => {
  const { client, server } = await new Loopback(t).pair(tcp)
  let calls = 0
  const watcher = native.watch(server, (readable, writable) => {
    t.same([readable, writable], [true, false])
    calls++
  })
  t.teardown(() => watcher.close())
  watcher.start(READ)
  watcher.start(READ)
  native.send(client, Buffer.from('x'))
  await until(() => calls >= 3)
  t.pass('the byte is not read, so the callback comes again and again')

  watcher.stop()
  watcher.stop()
  const before = calls
  await ready(client, 'writable')
  t.equal(calls, before, 'stopped')
  watcher.start(READ)
  await until(() => calls > before)
  watcher.stop()
  watcher.start({ readable: false, writable: false })
  const again = calls
  await ready(client, 'writable')
  t.equal(calls, again, 'interest in nothing is the same as stopped')
})

void t.test('a new start replaces the interest', async (t) => {
  const { client, server } = await new Loopback(t).pair(tcp)
  const seen: string[] = []
  const watcher = native.watch(server, (readable, writable) => {
    seen.push(`${readable} ${writable}`)
    watcher.start(READ)
  })
  t.teardown(() => watcher.close())
  watcher.start(WRITE)
  await until(() => seen.length === 1)
  native.send(client, Buffer.from('x'))
  await until(() => seen.length === 2)
  watcher.start({ readable: true, writable: true })
  await until(() => seen.length === 3)
  t.same(seen, ['false true', 'true false', 'true true'])
})

void t.test('promises and nextTick callbacks follow each callback at once', async (t) => {
  const sockets = new Loopback(t)
  const pairs = [await sockets.pair(tcp), await sockets.pair(tcp)]
  const order: string[] = []
  for (const [i, { server }] of pairs.entries()) {
    const watcher = native.watch(server, () => {
      watcher.close()
      order.push(`call ${i}`)
      process.nextTick(() => order.push(`tick ${i}`))
      void Promise.resolve().then(() => order.push(`promise ${i}`))
    })
    watcher.start(READ)
  }
  for (const { client } of pairs) native.send(client, Buffer.from('x'))
  await until(() => order.length === 6)
  const [first, second] = order[0] === 'call 0' ? [0, 1] : [1, 0]
  t.same(
    order,
    [first, second].flatMap((i) => [`call ${i}`, `tick ${i}`, `promise ${i}`]),
  )
})

void t.test(
  'the callback may close its watcher and its descriptor and watch the same number again',
  async (t) => {
    const sockets = new Loopback(t)
    const { fd: listener, at } = sockets.listener(tcp)
    const { client, server } = await sockets.pair(tcp)
    sockets.release(server)
    const heard = await new Promise<string>((resolve, reject) => {
      let old = 0
      const watcher = native.watch(server, () => {
        old++
        watcher.close()
        native.close(server)
        const next = sockets.socket(tcp)
        t.equal(next, server, 'the same number')
        native.connect(next, at.address, at.port)
        const second = native.watch(next, () => {
          second.close()
          t.equal(old, 1, 'the first watcher is never called again')
          receive(next).then(resolve, reject)
        })
        second.start(READ)
        sockets
          .accept(listener)
          .then(([accepted]) => native.send(accepted?.fd ?? -1, Buffer.from('for the second')))
          .catch(reject)
      })
      watcher.start(READ)
      native.send(client, Buffer.from('for the first'))
    })
    t.equal(heard, 'for the second')
  },
)

void t.test('one callback may close the watcher of another that is ready in the same turn', async (t) => {
  const sockets = new Loopback(t)
  const pairs = await Promise.all([1, 2, 3, 4].map(() => sockets.pair(tcp)))
  const watchers: Watcher[] = []
  let calls = 0
  for (const { server } of pairs) {
    const watcher = native.watch(server, () => {
      calls++
      for (const each of watchers) each.close()
    })
    watchers.push(watcher)
    watcher.start(READ)
  }
  for (const { client } of pairs) native.send(client, Buffer.from('x'))
  await until(() => calls > 0)
  await ready(pairs[0]?.client ?? -1, 'writable')
  t.equal(calls, 1)
})

void t.test('closed is final', async (t) => {
  const { server } = await new Loopback(t).pair(tcp)
  const watcher = native.watch(server, () => t.fail('called'))
  watcher.close()
  watcher.close()
  watcher.stop()
  t.throws(() => watcher.start(WRITE), {
    code: 'EBADF',
    message: 'watch start: the watcher is closed (EBADF)',
  })
})

void t.test('what cannot be watched', async (t) => {
  const { server } = await new Loopback(t).pair(tcp)
  const nothing = (): void => undefined
  t.throws(() => native.watch(1_000_000, nothing), { code: 'EBADF', syscall: 'watch' })
  const first = native.watch(server, nothing)
  t.teardown(() => first.close())
  first.start(READ)
  t.throws(() => native.watch(server, nothing), { code: 'EEXIST', syscall: 'watch' }, 'watched already')
  t.throws(() => first.start({ readable: true } as never), {
    name: 'TypeError',
    message: 'events.writable: expected true or false',
  })
  t.throws(() => first.start(undefined as never), {
    name: 'TypeError',
    message: 'events: expected an object',
  })
  t.throws(() => first.start.call({} as Watcher, READ), { name: 'TypeError' }, 'not a watcher')
})

void t.test('20,000 watchers leave nothing behind', async (t) => {
  const { server } = await new Loopback(t).pair(tcp)
  const round = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const watcher = native.watch(server, () => undefined)
      watcher.start(READ)
      watcher.close()
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => pollHandles() === 0)
  }
  await round(5_000)
  t.equal(pollHandles(), 0, 'libuv has let go of every handle')
  const before = process.memoryUsage().rss
  await round(20_000)
  // a leaked handle is over 200 bytes, its closure and references as much again: 20,000 are 8 MB and more
  t.ok(process.memoryUsage().rss - before < 32 << 20, 'resident memory does not grow by megabytes')
})

void t.test('a started watcher keeps the process alive, a closed one lets it go', async (t) => {
  const { code, output, errors } = await runScript(
    `${addon}
     const listener = native.socket({ family: 4, protocol: 'tcp' })
     native.bind(listener, '127.0.0.1', 0)
     native.listen(listener, 1)
     const watcher = native.watch(listener, () => {
       console.log('woken')
       watcher.close()
     })
     watcher.start({ readable: true, writable: false })
     const idle = native.watch(native.socket({ family: 4, protocol: 'tcp' }), () => {})
     idle.stop()
     console.log('port', native.localAddress(listener).port)`,
    {
      onLine(line) {
        const port = /^port (\d+)$/.exec(line)?.[1]
        if (port !== undefined) connect(Number(port), '127.0.0.1').on('error', () => undefined)
      },
    },
  )
  t.match(output, /^port \d+\nwoken\n$/)
  t.equal(code, 0, errors)
})

void t.test('an exception in a callback is an uncaught exception like any other', async (t) => {
  const { code, output } = await runScript(
    `${addon}
     process.once('uncaughtException', (error) => console.log('uncaught', error.message))
     const socket = native.socket({ family: 4, protocol: 'tcp' })
     let calls = 0
     const watcher = native.watch(socket, () => {
       if (++calls === 1) throw new Error('first')
       console.log('called again')
       watcher.close()
     })
     watcher.start({ readable: false, writable: true })`,
  )
  t.equal(output, 'uncaught first\ncalled again\n')
  t.equal(code, 0)
})

const BUSY = `
  const listener = native.socket({ family: 4, protocol: 'tcp' })
  native.bind(listener, '127.0.0.1', 0)
  native.listen(listener, 64)
  const { port } = native.localAddress(listener)
  for (let i = 0; i < 50; i++) {
    const client = native.socket({ family: 4, protocol: 'tcp' })
    native.connect(client, '127.0.0.1', port)
    const watcher = native.watch(client, () => { globalThis.calls = (globalThis.calls ?? 0) + 1 })
    watcher.start({ readable: i % 2 === 0, writable: true })
    if (i % 10 === 0) watcher.close()
  }
`

void t.test('the process may end with watchers open and busy', async (t) => {
  const { code, signal, errors } = await runScript(
    `${addon}${BUSY}
     const wait = () => globalThis.calls > 100 ? process.exit(7) : setImmediate(wait)
     wait()`,
  )
  t.same({ code, signal }, { code: 7, signal: null }, errors)
})

void t.test('workers may end by themselves or be terminated with watchers open', async (t) => {
  const worker = JSON.stringify(
    `import { parentPort, workerData } from 'node:worker_threads'
     ${addon}
     ${BUSY}
     const wait = () => {
       if (!(globalThis.calls > 100)) setImmediate(wait)
       else if (workerData.exit) process.exit(5)
       else parentPort.postMessage('busy')
     }
     wait()`,
  )
  const { code, signal, output, errors } = await runScript(
    `import { Worker } from 'node:worker_threads'
     ${addon}
     for (const exit of [true, false]) {
       const worker = new Worker(${worker}, { eval: true, workerData: { exit } })
       if (!exit) worker.once('message', () => worker.terminate())
       console.log(await new Promise((resolve) => worker.once('exit', resolve)))
     }
     const socket = native.socket({ family: 4, protocol: 'tcp' })
     const watcher = native.watch(socket, () => { watcher.close(); console.log('main goes on') })
     watcher.start({ readable: false, writable: true })`,
  )
  t.equal(output, '5\n1\nmain goes on\n', errors)
  t.same({ code, signal }, { code: 0, signal: null })
})
