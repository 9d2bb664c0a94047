import { readFileSync } from 'node:fs'
import t from 'tap'
import { native, type AcceptedSocket } from '../../../src/native.js'
import { KINDS, LOOPBACK, Loopback, ready, receive, thrown } from './loopback.js'
import { addon, runScript } from './child.js'

for (const kind of KINDS) {
  const name = `${kind.protocol} over IPv${kind.family}`
  const address = LOOPBACK[kind.family]

  void t.test(`${name}: connect, accept, bytes both ways, half-close`, async (t) => {
    const { client, server, remote } = await new Loopback(t).pair(kind)
    t.match(native.localAddress(client), { address, port: remote.port })
    t.same(native.localAddress(client), remote, 'accept tells the address of the other side')
    t.same(native.remoteAddress(client), native.localAddress(server))

    t.equal(native.recv(server, Buffer.alloc(8)), -1, 'nothing waits')
    t.equal(native.send(client, Buffer.from('hello')), 5)
    t.equal(await receive(server), 'hello')
    native.shutdown(client)
    t.equal(await receive(server), '', 'end of stream')
    t.equal(native.send(server, Buffer.from('late')), 4)
    t.equal(await receive(client), 'late', 'the other direction goes on')
  })

  void t.test(`${name}: send returns -1 when the socket is full`, async (t) => {
    const { client } = await new Loopback(t).pair(kind)
    const block = Buffer.alloc(1 << 20)
    let sent
    do sent = native.send(client, block)
    while (sent > 0)
    t.equal(sent, -1)
  })

  void t.test(`${name}: a reset reaches the peer as ECONNRESET`, async (t) => {
    const sockets = new Loopback(t)
    const { client, server } = await sockets.pair(kind)
    native.reset(sockets.release(client))
    t.same(await ready(server, 'readable'), [true, true], 'an error is reported as both ready')
    t.match(
      thrown(() => native.recv(server, Buffer.alloc(8))),
      {
        code: 'ECONNRESET',
        errno: 104,
        syscall: 'recv',
        message: 'recv: connection reset by peer (ECONNRESET)',
      },
    )
    t.doesNotThrow(() => native.shutdown(server), 'nothing is left to shut down')
  })

  void t.test(`${name}: nobody listens`, async (t) => {
    const sockets = new Loopback(t)
    const { fd, at } = sockets.listener(kind)
    native.close(sockets.release(fd))
    const text = kind.family === 6 ? `[::1]:${at.port}` : `127.0.0.1:${at.port}`
    await t.rejects(sockets.connect(kind, at), {
      code: 'ECONNREFUSED',
      errno: 111,
      syscall: 'connect',
      address: text,
      message: `connect ${text}: connection refused (ECONNREFUSED)`,
    })
  })

  void t.test(`${name}: accept takes waiting connections in batches`, async (t) => {
    const sockets = new Loopback(t)
    const { fd, at } = sockets.listener(kind)
    t.same(native.accept(fd, 10), [], 'none waits')
    const clients = []
    for (let i = 0; i < 7; i++) clients.push(await sockets.connect(kind, at))
    const first = await sockets.accept(fd, 3)
    t.ok(first.length <= 3, `${first.length} of at most 3`)
    // a client may know of its connection before the queue does
    const rest = []
    while (first.length + rest.length < clients.length) rest.push(...(await sockets.accept(fd, 64)))
    t.same(
      [...first, ...rest].map(({ port }) => port).sort(),
      clients.map((client) => native.localAddress(client).port).sort(),
    )
    t.same(native.accept(fd, 10), [])
  })

  void t.test(`${name}: clients that are gone before accept do not disturb the others`, async (t) => {
    const sockets = new Loopback(t)
    const { fd, at } = sockets.listener(kind)
    const before = await sockets.connect(kind, at)
    const resetting = await sockets.connect(kind, at)
    const closing = await sockets.connect(kind, at)
    const after = await sockets.connect(kind, at)
    native.reset(sockets.release(resetting))
    native.close(sockets.release(closing))
    const accepted: AcceptedSocket[] = []
    for (const client of [before, after]) {
      const { port } = native.localAddress(client)
      const find = (): AcceptedSocket | undefined => accepted.find((each) => each.port === port)
      // a client may know of its connection before the queue does
      while (find() === undefined) accepted.push(...(await sockets.accept(fd)))
      const server = find()
      if (server === undefined) throw new Error(`port ${port} was not accepted`)
      native.send(client, Buffer.from('here'))
      t.equal(await receive(server.fd), 'here')
    }
  })
}

void t.test('IPv4 clients of an IPv6 listener have IPv4 addresses', async (t) => {
  const sockets = new Loopback(t)
  const fd = sockets.socket({ family: 6, protocol: 'tcp', v6Only: false })
  native.bind(fd, '::', 0)
  native.listen(fd, 8)
  const { port } = native.localAddress(fd)
  t.equal(native.localAddress(fd).address, '::')
  const client = await sockets.connect({ family: 4, protocol: 'tcp' }, { address: '127.0.0.1', port })
  const [accepted] = await sockets.accept(fd)
  t.same(
    { address: accepted?.address, port: accepted?.port },
    { address: '127.0.0.1', port: native.localAddress(client).port },
  )
  t.same(native.localAddress(accepted?.fd ?? -1), { address: '127.0.0.1', port })
})

void t.test('an IPv6 zone is an interface name or index, and is reported', (t) => {
  const sockets = new Loopback(t)
  const fd = sockets.socket({ family: 6, protocol: 'tcp' })
  t.throws(() => native.bind(fd, 'fe80::1%nosuchif', 0), {
    code: 'ENODEV',
    syscall: 'bind',
    address: '[fe80::1%nosuchif]:0',
    message: 'bind [fe80::1%nosuchif]:0: no such device (ENODEV)',
  })
  // freebind, because loopback has no link-local address of its own
  native.setOption(fd, 41, 78, 1)
  native.bind(fd, 'fe80::1%lo', 0)
  t.equal(native.localAddress(fd).address, 'fe80::1%lo')

  const byIndex = sockets.socket({ family: 6, protocol: 'tcp' })
  native.setOption(byIndex, 41, 78, 1)
  native.bind(byIndex, `fe80::2%${readFileSync('/sys/class/net/lo/ifindex', 'utf8').trim()}`, 0)
  t.equal(native.localAddress(byIndex).address, 'fe80::2%lo')
  t.end()
})

void t.test('bind to a taken port, listen and close on what is not there', (t) => {
  const sockets = new Loopback(t)
  const { at } = sockets.listener({ family: 4, protocol: 'tcp' })
  const second = sockets.socket({ family: 4, protocol: 'tcp' })
  t.throws(() => native.bind(second, at.address, at.port), {
    code: 'EADDRINUSE',
    syscall: 'bind',
    address: `127.0.0.1:${at.port}`,
  })
  t.throws(() => native.listen(1_000_000, 1), { code: 'EBADF', syscall: 'listen' })
  t.throws(() => native.close(1_000_000), { code: 'EBADF', syscall: 'close' })
  t.throws(() => native.reset(-1), { code: 'EBADF', syscall: 'close' })
  t.throws(() => native.accept(second, 1), { code: 'EINVAL', syscall: 'accept' }, 'not listening')
  t.throws(() => native.remoteAddress(second), { code: 'ENOTCONN', syscall: 'getpeername' })
  t.end()
})

void t.test('descriptors are non-blocking and close-on-exec', async (t) => {
  const { client, server } = await new Loopback(t).pair({ family: 4, protocol: 'tcp' })
  for (const fd of [client, server]) {
    const flags = parseInt(
      /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '',
      8,
    )
    t.equal(flags & 0o2004000, 0o2004000, 'O_CLOEXEC and O_NONBLOCK')
  }
})

void t.test('out of descriptors, accept hands on what it has and then says EMFILE', async (t) => {
  const { code, output } = await runScript(
    `${addon}
     const tcp = { family: 4, protocol: 'tcp' }
     const listener = native.socket(tcp)
     native.bind(listener, '127.0.0.1', 0)
     native.listen(listener, 16)
     const { port } = native.localAddress(listener)
     for (let i = 0; i < 4; i++) native.connect(native.socket(tcp), '127.0.0.1', port)
     // the length of the queue is tcpi_unacked of a listener (tcp_get_info)
     while (native.getOption(listener, 6, 11, 104).readUInt32LE(24) < 4) await null
     const filler = []
     try { for (;;) filler.push(native.socket(tcp)) } catch (error) { console.log('full', error.code) }
     native.close(filler.pop())
     native.close(filler.pop())
     console.log('accepted', native.accept(listener, 16).length)
     try { native.accept(listener, 16) } catch (error) { console.log('then', error.code, error.syscall) }`,
    { descriptors: 128 },
  )
  t.equal(output, 'full EMFILE\naccepted 2\nthen EMFILE accept\n')
  t.equal(code, 0)
})

void t.test('wrong arguments are TypeErrors that name the argument', (t) => {
  const call = native as unknown as Record<string, (...args: unknown[]) => unknown>
  const cases: [string, unknown[], string][] = [
    ['socket', [], 'options: expected an object'],
    ['socket', [{ protocol: 'tcp' }], 'options.family: expected 4 or 6'],
    ['socket', [{ family: 4, protocol: 'udp' }], 'options.protocol: expected "tcp" or "mptcp"'],
    ['bind', ['3', '::', 0], 'fd: expected a 32-bit integer'],
    ['bind', [1.5, '::', 0], 'fd: expected a 32-bit integer'],
    ['bind', [3, 'example.org', 0], 'address: expected an IPv4 or IPv6 literal'],
    ['bind', [3, '1::%'.padEnd(80, 'x'), 0], 'address: expected a string of less than 63 bytes'],
    ['bind', [3, '127.0.0.1\0', 0], 'address: expected a string of less than 63 bytes'],
    ['connect', [3, '127.0.0.1', 65536], 'port: expected an integer from 0 to 65535'],
    ['connect', [3, '127.0.0.1', -1], 'port: expected an integer from 0 to 65535'],
    ['connect', [3, 127, 80], 'address: expected a string of less than 63 bytes'],
    ['listen', [3, NaN], 'backlog: expected an integer from 0 to 2147483647'],
    ['accept', [3], 'max: expected an integer from 0 to 2147483647'],
    ['recv', [3, 'text'], 'buffer: expected a Uint8Array'],
    ['recv', [3, new Uint16Array(4)], 'buffer: expected a Uint8Array'],
    ['recv', [3, new Uint8Array(0)], 'buffer: expected room for at least one byte'],
    ['send', [3, [1, 2]], 'buffer: expected a Uint8Array'],
    ['close', [], 'fd: expected a 32-bit integer'],
    ['shutdown', [null], 'fd: expected a 32-bit integer'],
    ['reset', [2 ** 32], 'fd: expected a 32-bit integer'],
    ['localAddress', [{}], 'fd: expected a 32-bit integer'],
    ['upstreamInfo', [true], 'fd: expected a 32-bit integer'],
    ['outOfTreeInfo', ['3'], 'fd: expected a 32-bit integer'],
    ['watch', [3, 'callback'], 'callback: expected a function'],
  ]
  for (const [name, args, message] of cases) {
    t.match(
      thrown(() => call[name]?.(...args)),
      { name: 'TypeError', message },
      `${name}: ${message}`,
    )
  }
  t.end()
})
