// Real sockets: connections, listeners and dialling.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { describeError } from '../../../src/errors.js'
import { detectKernel } from '../../../src/kernel/detect.js'
import type { SocketWish } from '../../../src/kernel/kernel.js'
import { native } from '../../../src/native.js'
import { Cancel } from '../../../src/net/cancel.js'
import type { Connection, Leaving } from '../../../src/net/connection.js'
import { connect, dial } from '../../../src/net/dial.js'
import { listen } from '../../../src/net/listen.js'
import { until } from '../../support/until.js'
import { ready } from '../native/loopback.js'

const kernel = detectKernel()
const tcp: SocketWish = { transport: 'tcp' }
/** include/uapi/linux/tcp.h, include/net/tcp_states.h: the state is the first byte of struct tcp_info. */
const [IPPROTO_TCP, TCP_INFO, TCP_CLOSE_WAIT] = [6, 11, 8]
/** No dial here takes a hundredth of this, milliseconds. */
const PATIENCE = 30_000
const signal = new AbortController().signal

/** A listener of ours; what it accepts is closed with the test. */
function listener(t: Test, wish = tcp) {
  const accepted: Connection[] = []
  const opened = listen(kernel, { address: '127.0.0.1', port: 0 }, wish, {
    onConnection: (connection) => accepted.push(connection),
    onError: (error) => t.fail(describeError(error)),
  })
  t.teardown(() => {
    opened.close()
    for (const each of accepted) each.close()
  })
  const next = async (): Promise<Connection> => {
    await until('a connection is accepted', () => (accepted.length > 0 ? undefined : 'none'))
    const connection = accepted.shift()
    if (connection === undefined) throw new Error('none')
    t.teardown(() => connection.close())
    return connection
  }
  return { address: opened.address, close: () => opened.close(), next }
}

/** A dialled connection and the accepted one that belongs to it. */
async function pair(t: Test, wish = tcp): Promise<[Connection, Connection]> {
  const { address, next } = listener(t, wish)
  const connection = await dial(
    kernel,
    { host: address.address, port: address.port },
    { wish, timeout: PATIENCE },
  )
  t.teardown(() => connection.close())
  return [connection, await next()]
}

for (const transport of ['tcp', 'mptcp'] as const) {
  void t.test(`bytes over ${transport}`, async (t) => {
    const [client, server] = await pair(t, { transport })
    t.strictSame(client.remote, server.local)
    t.strictSame(client.local, server.remote)
    const whole = Buffer.alloc(3_000_000, 'x')
    let length = 0
    const reading = (async () => {
      for (let bytes = await server.read(); bytes !== undefined; bytes = await server.read())
        length += bytes.length
    })()
    await client.write(whole)
    client.end()
    await reading
    t.equal(length, whole.length, 'more than any buffer holds, then the end')
    await server.write(Buffer.from('back'))
    t.equal((await client.read(2))?.toString(), 'ba', 'no more than asked for')
    t.equal((await client.read())?.toString(), 'ck', 'the other direction goes on after the end of one')
    server.reset()
    await t.rejects(client.read(), { code: 'ECONNRESET', syscall: 'recv' })
  })
}

void t.test('work for a peer is withdrawn when it leaves, though bytes of it wait', async (t) => {
  const attended = (
    server: Connection,
    leaving: Leaving,
  ): { withdrawn: string[]; end: () => void; done: Promise<void> } => {
    const withdrawn: string[] = []
    let end: () => void = () => undefined
    const done = server.attend(leaving, (gone) => {
      gone.addEventListener('abort', () => withdrawn.push(gone.reason.message), { once: true })
      return new Promise<void>((resolve) => (end = resolve))
    })
    return { withdrawn, end: () => end(), done }
  }
  const told = (withdrawn: string[]) =>
    until('it is withdrawn', () => (withdrawn.length > 0 ? undefined : 'not yet'))

  for (const transport of ['tcp', 'mptcp'] as const) {
    const [client, server] = await pair(t, { transport })
    const work = attended(server, 'end')
    client.end()
    await told(work.withdrawn)
    t.equal(work.withdrawn.length, 1, transport)
    work.end()
    await work.done
    t.equal(await server.read(), undefined, 'which ended nothing else')

    const [broken, served] = await pair(t, { transport })
    await broken.write(Buffer.from('unread'))
    const more = attended(served, 'break')
    broken.reset()
    await told(more.withdrawn)
    t.equal(more.withdrawn.length, 1, transport)
    more.end()
    await more.done
  }

  const [client, server] = await pair(t)
  const work = attended(server, 'break')
  client.end()
  await until('the end is here', () =>
    native.getOption(server.fd, IPPROTO_TCP, TCP_INFO, 1)[0] === TCP_CLOSE_WAIT ? undefined : 'not yet',
  )
  // and the event loop has come round
  await new Promise((resolve) => setTimeout(resolve, 1))
  t.strictSame(work.withdrawn, [], 'a direction that has ended is no break')
  server.fail(new Error('too late'))
  t.strictSame(work.withdrawn, ['too late'])
  work.end()
  await work.done
  await t.rejects(
    server.attend('end', () => Promise.resolve()),
    { message: 'too late' },
  )
})

void t.test('fail reaches what waits and what comes', async (t) => {
  const [client] = await pair(t)
  const reading = client.read()
  client.fail(new Error('deadline'))
  client.fail(new Error('later'))
  await t.rejects(reading, { message: 'deadline' })
  await t.rejects(client.read(), { message: 'deadline' })
  await t.rejects(client.write(Buffer.from('x')), { message: 'deadline' })
  t.throws(() => client.detach(), { message: 'deadline' })
  client.close()
  client.close()
  client.reset()
})

void t.test('close reaches what waits', async (t) => {
  const [client, server] = await pair(t)
  const reading = client.read()
  client.close()
  await t.rejects(reading, { message: 'connection is closed' })
  t.equal(await server.read(), undefined)
})

void t.test('what cannot be dialled', async (t) => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  const options = { wish: tcp, timeout: PATIENCE }
  await t.rejects(dial(kernel, { host: '127.0.0.1', port }, options), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address: `127.0.0.1:${port}`,
  })
  await t.rejects(dial(kernel, { host: 'localhost', port }, { ...options, allow: () => false }), {
    code: 'MPTK_DENIED',
    message: /^rules allow no address of localhost \(.*127\.0\.0\.1.*\)$/,
  })
  await t.rejects(
    dial(kernel, { host: '127.0.0.1', port }, { ...options, signal: AbortSignal.abort(new Error('no')) }),
    { message: 'no' },
  )
  // an address of the documentation's prefix, which no machine has
  await t.rejects(connect(kernel, { address: '127.0.0.1', port }, { ...tcp, source: '192.0.2.1' }, signal), {
    code: 'EADDRNOTAVAIL',
    syscall: 'bind',
  })
})

void t.test('no answer', async (t) => {
  const deaf = native.socket({ family: 4, protocol: 'tcp' })
  t.teardown(() => native.close(deaf))
  native.bind(deaf, '127.0.0.1', 0)
  // an accept queue of one, from which nobody takes
  native.listen(deaf, 0)
  const to = { host: '127.0.0.1', port: native.localAddress(deaf).port }
  const first = await dial(kernel, to, { wish: tcp, timeout: PATIENCE })
  t.teardown(() => first.close())
  // the client may know of its connection before the queue does
  await ready(deaf, 'readable')
  const descriptors = readdirSync('/proc/self/fd').length
  await t.rejects(dial(kernel, to, { wish: tcp, timeout: 50 }), {
    code: 'MPTK_TIMEOUT',
    message: `no connection to 127.0.0.1:${to.port} within 50 ms`,
  })
  const withdrawn = new Cancel()
  const second = dial(kernel, to, { wish: tcp, timeout: PATIENCE, signal: withdrawn })
  withdrawn.abort(new Error('the client left'))
  await t.rejects(second, { message: 'the client left' })
  t.equal(readdirSync('/proc/self/fd').length, descriptors, 'the descriptors are closed')
})

void t.test('a source address', async (t) => {
  const { address, next } = listener(t)
  const connection = await connect(kernel, address, { ...tcp, source: '127.0.0.77' }, signal)
  t.teardown(() => connection.close())
  t.match(await next(), { remote: { address: '127.0.0.77' } })
})

void t.test('a name goes to the addresses that rules leave', async (t) => {
  const { address, next } = listener(t)
  const asked: string[] = []
  const connection = await dial(
    kernel,
    { host: 'localhost', port: address.port },
    {
      wish: tcp,
      timeout: PATIENCE,
      allow: (each) => {
        asked.push(each)
        return each === '127.0.0.1'
      },
    },
  )
  t.teardown(() => connection.close())
  t.ok(asked.includes('127.0.0.1'))
  await next()
})

void t.test('listeners', async (t) => {
  const first = listener(t)
  t.ok(first.address.port > 0, 'the port that the kernel chose')
  t.throws(
    () => listen(kernel, first.address, tcp, { onConnection: () => undefined, onError: () => undefined }),
    {
      code: 'MPTK_LISTEN',
      message: `cannot listen on 127.0.0.1:${first.address.port}: the port is taken by another program (EADDRINUSE)`,
    },
  )
  const sockets = Array.from({ length: 200 }, () => connectTcp(first.address.port, '127.0.0.1'))
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  for (let i = 0; i < 200; i++) await first.next()
  first.close()
  first.close()
  const [error] = (await once(connectTcp(first.address.port, '127.0.0.1'), 'error')) as [
    NodeJS.ErrnoException,
  ]
  t.equal(error.code, 'ECONNREFUSED', 'closed is closed')
})

void t.test('wishes are checked', (t) => {
  const bad = { ...tcp, congestion: 'nosuchalgo' }
  t.throws(() => kernel.check(bad), { code: 'MPTK_KERNEL_UNSUPPORTED' })
  t.throws(() =>
    listen(kernel, { address: '127.0.0.1', port: 0 }, bad, {
      onConnection: () => undefined,
      onError: () => undefined,
    }),
  )
  t.end()
})
