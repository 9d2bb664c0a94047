import t, { type Test } from 'tap'
import { native } from '../../../src/native.js'
import type { SocketAddress } from '../../../src/address.js'
import { addon, runScript } from './child.js'
import { KINDS, Loopback, ready, receive } from './loopback.js'

const tcp = { family: 4, protocol: 'tcp' } as const

/** The error that a dial ends with, or undefined. */
function dial(fd: number, to: SocketAddress): Promise<Error | undefined> {
  return new Promise((resolve) => native.dial(fd, to.address, to.port, resolve))
}

/** A listener whose accept queue is full, so that a SYN stays unanswered. */
async function silent(t: Test): Promise<{ sockets: Loopback; at: SocketAddress }> {
  const sockets = new Loopback(t)
  // backlog 0 holds one
  const { fd, at } = sockets.listener(tcp, 0)
  t.equal(await dial(sockets.socket(tcp), at), undefined)
  // the client may know of its connection before the queue does
  await ready(fd, 'readable')
  return { sockets, at }
}

for (const kind of KINDS) {
  void t.test(`IPv${kind.family} ${kind.protocol}: many dials of one turn, bytes both ways`, async (t) => {
    const sockets = new Loopback(t)
    const { fd: listener, at } = sockets.listener(kind)
    const clients = Array.from({ length: 40 }, () => sockets.socket(kind))
    t.strictSame(
      await Promise.all(clients.map((fd) => dial(fd, at))),
      clients.map(() => undefined),
    )
    const servers: { fd: number; port: number }[] = []
    while (servers.length < clients.length) servers.push(...(await sockets.accept(listener)))
    for (const client of clients) {
      const { port } = native.localAddress(client)
      const server = servers.find((each) => each.port === port)
      if (server === undefined) throw new Error(`port ${port} was not accepted`)
      native.send(client, Buffer.from(`up ${port}`))
      native.send(server.fd, Buffer.from(`down ${port}`))
      t.equal(await receive(server.fd), `up ${port}`)
      t.equal(await receive(client), `down ${port}`)
    }
  })

  void t.test(`IPv${kind.family} ${kind.protocol}: refused`, async (t) => {
    const sockets = new Loopback(t)
    const { fd: gone, at } = sockets.listener(kind)
    native.close(sockets.release(gone))
    const text = kind.family === 6 ? `[::1]:${at.port}` : `127.0.0.1:${at.port}`
    t.match(await dial(sockets.socket(kind), at), {
      name: 'Error',
      code: 'ECONNREFUSED',
      errno: 111,
      syscall: 'connect',
      address: text,
      message: `connect ${text}: connection refused (ECONNREFUSED)`,
    })
  })
}

void t.test('what connect refuses at once comes to done as well', async (t) => {
  const sockets = new Loopback(t)
  const { at } = sockets.listener(tcp)
  t.match(await dial(1_000_000, at), { code: 'EBADF', syscall: 'connect' })
  t.match(await dial(sockets.listener(tcp).fd, at), {
    code: 'EISCONN',
    syscall: 'connect',
  })
})

void t.test('a cancelled dial ends with ECANCELED, and the descriptor is free for another', async (t) => {
  const { sockets, at } = await silent(t)
  const waiting = [0, 1, 2].map(() => sockets.socket(tcp))
  const outcomes = waiting.map((fd) => dial(fd, at))
  const inTheSameTurn = sockets.socket(tcp)
  const early = dial(inTheSameTurn, at)
  native.cancelDial(inTheSameTurn)
  native.cancelDial(inTheSameTurn)
  t.match(await early, {
    code: 'ECANCELED',
    syscall: 'connect',
    address: `127.0.0.1:${at.port}`,
  })
  t.throws(() => native.dial(waiting[0] ?? -1, at.address, at.port, () => undefined), { code: 'EALREADY' })
  for (const fd of waiting) native.cancelDial(fd)
  for (const outcome of outcomes) t.match(await outcome, { code: 'ECANCELED' })

  for (const fd of waiting) native.close(sockets.release(fd))
  native.cancelDial(waiting[0] ?? -1)
  const { at: open } = sockets.listener(tcp)
  const again = [0, 1, 2].map(() => sockets.socket(tcp))
  t.ok(
    again.some((fd) => waiting.includes(fd)),
    'the same numbers',
  )
  for (const fd of again) t.equal(await dial(fd, open), undefined)
})

void t.test('a socket that others shut down while it was dialled is not connected', async (t) => {
  const { sockets, at } = await silent(t)
  const fd = sockets.socket(tcp)
  const outcome = dial(fd, at)
  await new Promise((resolve) => setImmediate(resolve))
  // the thread may dial only now: until it does there is nothing to shut down
  const timer = setInterval(() => native.shutdown(fd), 1)
  t.match(await outcome, {
    syscall: 'connect',
    address: `127.0.0.1:${at.port}`,
  })
  clearInterval(timer)
})

void t.test('cancelling what has just ended changes nothing', async (t) => {
  const sockets = new Loopback(t)
  const { at } = sockets.listener(tcp)
  for (let i = 0; i < 200; i++) {
    const fd = sockets.socket(tcp)
    const outcome = dial(fd, at)
    // the thread dials while this turn goes on
    await new Promise((resolve) => setImmediate(resolve))
    native.cancelDial(fd)
    const error = await outcome
    t.ok(error === undefined || ('code' in error && error.code === 'ECANCELED'))
    native.close(sockets.release(fd))
  }
})

void t.test('wrong arguments', (t) => {
  const call = native as unknown as Record<string, (...args: unknown[]) => unknown>
  const cases: [string, unknown[], string][] = [
    ['dial', ['3'], 'fd: expected a 32-bit integer'],
    ['dial', [3, 'example.org', 80, () => undefined], 'address: expected an IPv4 or IPv6 literal'],
    ['dial', [3, '127.0.0.1', 65536, () => undefined], 'port: expected an integer from 0 to 65535'],
    ['dial', [3, '127.0.0.1', 80], 'done: expected a function'],
    ['cancelDial', [], 'fd: expected a 32-bit integer'],
  ]
  for (const [name, args, message] of cases)
    t.throws(() => call[name]?.(...args), { name: 'TypeError', message })
  t.throws(() => native.dial(-1, '127.0.0.1', 80, () => undefined), {
    code: 'EBADF',
  })
  t.end()
})

/** A script's own listener that answers one client and no more. */
const busy = `${addon}
const tcp = { family: 4, protocol: 'tcp' }
const listener = native.socket(tcp)
native.bind(listener, '127.0.0.1', 0)
native.listen(listener, 0)
const { address, port } = native.localAddress(listener)
const dial = (done) => native.dial(native.socket(tcp), address, port, done)
`

void t.test('a dial in progress keeps the process alive, and no longer', async (t) => {
  const ended = await runScript(`${busy}
    dial((error) => console.log('first', error))
    process.on('exit', () => console.log('exit'))`)
  t.match(ended, { code: 0, output: 'first undefined\nexit\n', errors: '' })
})

void t.test('an exception in done is uncaught, and the other dials go on', async (t) => {
  const ended = await runScript(`${busy}
    native.listen(listener, 8)
    process.on('uncaughtException', (error) => console.log(error.message))
    for (const i of [1, 2, 3]) dial(() => { throw new Error('thrown ' + i) })`)
  t.match(ended, {
    code: 0,
    output: 'thrown 1\nthrown 2\nthrown 3\n',
    errors: '',
  })
})

void t.test('the process may end with dials open', async (t) => {
  const many = 'for (let i = 0; i < 20; i++) dial(() => undefined)\n'
  const cases = {
    'before the thread knows': `${many} process.exit(3)`,
    'while it dials': `${many} setImmediate(() => process.exit(3))`,
    'in done': `dial(() => process.exit(3))\n ${many}`,
  }
  for (const [when, script] of Object.entries(cases))
    t.match(await runScript(`${busy} ${script}`), { code: 3, signal: null, errors: '' }, when)
})

void t.test('a worker may end with dials open', async (t) => {
  const ended = await runScript(`
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const source = ${JSON.stringify(`${busy}
      import { parentPort } from 'node:worker_threads'
      dial(() => {
        for (let i = 0; i < 20; i++) dial(() => undefined)
        setImmediate(() => parentPort.postMessage('dialling'))
      })`)}
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)))
      await once(worker, 'message')
      for (let j = 0; j < i; j++) await new Promise((resolve) => setImmediate(resolve))
      await worker.terminate()
    }
    console.log('all ended')`)
  t.match(ended, { code: 0, output: 'all ended\n', errors: '' })
})

void t.test(
  'closeSoon: the peers of many connections see their end, and the numbers are free again',
  async (t) => {
    const sockets = new Loopback(t)
    const { fd: listener, at } = sockets.listener(tcp)
    const clients = Array.from({ length: 40 }, () => sockets.socket(tcp))
    await Promise.all(clients.map((fd) => dial(fd, at)))
    const servers: { fd: number }[] = []
    while (servers.length < clients.length) servers.push(...(await sockets.accept(listener)))
    for (const client of clients) native.closeSoon(sockets.release(client))
    for (const { fd } of servers) {
      await ready(fd, 'readable')
      t.equal(native.recv(fd, Buffer.alloc(1)), 0, 'end of stream')
    }
    const reused = native.socket(tcp)
    t.ok(clients.includes(reused), 'the lowest free number is one of theirs')
    native.close(reused)
  },
)
