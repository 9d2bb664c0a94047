import t from 'tap'
import { native, type NativeSocketOptions } from '../../../src/native.js'
import { KINDS, Loopback, thrown } from './loopback.js'

const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_KEEPALIVE = 9
const SO_LINGER = 13
const SO_REUSEPORT = 15
const SO_BINDTODEVICE = 25
const SO_MARK = 36
const SO_PROTOCOL = 38
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const IPPROTO_IP = 0
const IP_TRANSPARENT = 19
const TCP = 6
const TCP_NODELAY = 1
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5
const TCP_KEEPCNT = 6
const TCP_CONGESTION = 13
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPV6_TRANSPARENT = 75

const isRoot = process.getuid?.() === 0
const int = (fd: number, level: number, name: number): number =>
  native.getOption(fd, level, name, 4).readInt32LE()
const text = (fd: number, level: number, name: number): string =>
  native.getOption(fd, level, name, 16).toString('latin1').replace(/\0.*$/s, '')

for (const kind of KINDS) {
  void t.test(`${kind.protocol} over IPv${kind.family}: what was asked for can be read back`, (t) => {
    const sockets = new Loopback(t)
    const fd = sockets.socket({
      ...kind,
      congestion: 'reno',
      reuseAddress: true,
      reusePort: true,
      noDelay: true,
      keepalive: { idle: 61, interval: 7, count: 3 },
      sendBuffer: 100_000,
      receiveBuffer: 200_000,
      device: 'lo',
    })
    t.equal(int(fd, SOL_SOCKET, SO_PROTOCOL), kind.protocol === 'mptcp' ? 262 : 6)
    t.equal(text(fd, TCP, TCP_CONGESTION), 'reno')
    t.equal(int(fd, SOL_SOCKET, SO_REUSEADDR), 1)
    t.equal(int(fd, SOL_SOCKET, SO_REUSEPORT), 1)
    t.equal(int(fd, TCP, TCP_NODELAY), 1)
    t.equal(int(fd, SOL_SOCKET, SO_KEEPALIVE), 1)
    t.equal(int(fd, TCP, TCP_KEEPIDLE), 61)
    t.equal(int(fd, TCP, TCP_KEEPINTVL), 7)
    t.equal(int(fd, TCP, TCP_KEEPCNT), 3)
    t.equal(int(fd, SOL_SOCKET, SO_SNDBUF), 200_000, 'the kernel doubles it')
    t.equal(int(fd, SOL_SOCKET, SO_RCVBUF), 400_000)
    t.equal(text(fd, SOL_SOCKET, SO_BINDTODEVICE), 'lo')
    t.end()
  })

  void t.test(`${kind.protocol} over IPv${kind.family}: nothing asked for, nothing set`, (t) => {
    const fd = new Loopback(t).socket(kind)
    t.equal(int(fd, SOL_SOCKET, SO_REUSEADDR), 0)
    t.equal(int(fd, SOL_SOCKET, SO_KEEPALIVE), 0)
    t.equal(int(fd, TCP, TCP_NODELAY), 0)
    t.end()
  })

  void t.test(`${kind.protocol} over IPv${kind.family}: mark and transparent need privilege`, (t) => {
    const sockets = new Loopback(t)
    const marked: NativeSocketOptions = { ...kind, mark: 0xfedcba98 }
    const transparent: NativeSocketOptions = { ...kind, transparent: true }
    if (isRoot) {
      t.equal(native.getOption(sockets.socket(marked), SOL_SOCKET, SO_MARK, 4).readUInt32LE(), 0xfedcba98)
      const [level, name] =
        kind.family === 6 ? [IPPROTO_IPV6, IPV6_TRANSPARENT] : [IPPROTO_IP, IP_TRANSPARENT]
      const fd = sockets.socket(transparent)
      // an MPTCP socket keeps the flag on its first subflow and answers no question about it; binding shows it
      if (kind.protocol === 'tcp') t.equal(int(fd, level, name), 1)
      const foreign = kind.family === 6 ? '2001:db8::1' : '192.0.2.1'
      t.doesNotThrow(() => native.bind(fd, foreign, 0), 'an address of another host')
      t.equal(native.localAddress(fd).address, foreign)
    } else {
      t.throws(() => native.socket(marked), { code: 'EPERM', syscall: 'setsockopt SO_MARK' })
      t.throws(() => native.socket(transparent), { code: 'EPERM' })
    }
    t.end()
  })
}

void t.test('v6Only, both ways', (t) => {
  const sockets = new Loopback(t)
  for (const v6Only of [true, false]) {
    const fd = sockets.socket({ family: 6, protocol: 'tcp', v6Only })
    t.equal(int(fd, IPPROTO_IPV6, IPV6_V6ONLY), Number(v6Only))
  }
  t.end()
})

void t.test('reusePort lets two listeners share a port, its absence does not', (t) => {
  const sockets = new Loopback(t)
  const tcp = { family: 4, protocol: 'tcp' } as const
  const { at } = sockets.listener({ ...tcp, reusePort: true })
  const second = sockets.socket({ ...tcp, reusePort: true })
  t.doesNotThrow(() => native.bind(second, at.address, at.port))
  t.throws(() => native.bind(sockets.socket(tcp), at.address, at.port), { code: 'EADDRINUSE' })
  t.end()
})

void t.test('an option that fails is an error that says which, and leaves no socket behind', (t) => {
  const tcp = { family: 4, protocol: 'tcp' } as const
  const before = native.socket(tcp)
  native.close(before)
  t.throws(() => native.socket({ ...tcp, congestion: 'nosuchcc' }), {
    code: 'ENOENT',
    syscall: 'setsockopt TCP_CONGESTION',
    message: 'setsockopt TCP_CONGESTION "nosuchcc": this kernel has none of that name (ENOENT)',
  })
  t.throws(() => native.socket({ ...tcp, device: 'nosuchif' }), {
    code: 'ENODEV',
    message: 'setsockopt SO_BINDTODEVICE "nosuchif": no such device (ENODEV)',
  })
  t.throws(() => native.socket({ ...tcp, v6Only: true }), {
    code: 'ENOPROTOOPT',
    syscall: 'setsockopt IPV6_V6ONLY',
  })
  // on this kernel 42 is TCP_AO_REPAIR, which only a key makes valid
  t.match(
    thrown(() => native.socket({ ...tcp, outOfTree: { enabled: true } })),
    { syscall: 'setsockopt MPTCP_ENABLED' },
  )
  const after = native.socket(tcp)
  native.close(after)
  t.equal(after, before, 'the lowest free descriptor is the same as before')
  t.end()
})

void t.test('options of the wrong type are TypeErrors that name the key', (t) => {
  const tcp = { family: 4, protocol: 'tcp' }
  const cases: [object, string][] = [
    [{ congestion: 5 }, 'options.congestion: expected a string of less than 16 bytes'],
    [{ congestion: 'a'.repeat(16) }, 'options.congestion: expected a string of less than 16 bytes'],
    [{ mark: -1 }, 'options.mark: expected an integer from 0 to 4294967295'],
    [{ mark: 2 ** 32 }, 'options.mark: expected an integer from 0 to 4294967295'],
    [{ reusePort: 1 }, 'options.reusePort: expected true or false'],
    [{ keepalive: true }, 'options.keepalive: expected an object'],
    [{ keepalive: { idle: '1' } }, 'options.keepalive.idle: expected an integer from 0 to 32767'],
    [{ outOfTree: 1 }, 'options.outOfTree: expected an object'],
    [{ sendBuffer: 1.5 }, 'options.sendBuffer: expected an integer from 0 to 2147483647'],
  ]
  for (const [options, message] of cases) {
    t.throws(
      () => native.socket({ ...tcp, ...options } as NativeSocketOptions),
      { name: 'TypeError', message },
      message,
    )
  }
  t.end()
})

void t.test('getOption and setOption', (t) => {
  const fd = new Loopback(t).socket({ family: 4, protocol: 'tcp' })
  native.setOption(fd, TCP, TCP_NODELAY, 1)
  t.equal(int(fd, TCP, TCP_NODELAY), 1)
  const linger = Buffer.from(new Uint32Array([1, 9]).buffer)
  native.setOption(fd, SOL_SOCKET, SO_LINGER, linger)
  t.same(native.getOption(fd, SOL_SOCKET, SO_LINGER, 64), linger, 'as long as the kernel said')
  t.equal(native.getOption(fd, SOL_SOCKET, SO_LINGER, 4).length, 4)
  t.equal(native.getOption(fd, SOL_SOCKET, SO_LINGER, 0).length, 0)
  t.throws(() => native.getOption(fd, TCP, 9999, 4), {
    code: 'ENOPROTOOPT',
    syscall: 'getsockopt',
    message: 'getsockopt level 6 option 9999: protocol not available (ENOPROTOOPT)',
  })
  t.throws(() => native.setOption(fd, TCP, 9999, 1), {
    code: 'ENOPROTOOPT',
    message: 'setsockopt level 6 option 9999: protocol not available (ENOPROTOOPT)',
  })
  t.throws(() => native.setOption(fd, TCP, TCP_NODELAY, 'on' as unknown as number), {
    name: 'TypeError',
    message: 'value: expected a Uint8Array or a 32-bit integer',
  })
  t.throws(() => native.getOption(fd, TCP, TCP_NODELAY, 65_537), {
    name: 'TypeError',
    message: 'length: expected an integer from 0 to 65536',
  })
  t.end()
})
