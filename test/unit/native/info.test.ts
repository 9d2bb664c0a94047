import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { native } from '../../../src/native.js'
import type { SocketAddress } from '../../../src/address.js'
import { addon, runScript } from './child.js'
import { KINDS, LOOPBACK, Loopback, receive, thrown } from './loopback.js'

const ESTABLISHED = 1
const CLOSE = 7

/** A sockaddr of the running machine's byte order in a sockaddr_storage. */
function socketAddress(buffer: Buffer | undefined, offset: number): SocketAddress | undefined {
  if (buffer === undefined) return undefined
  const family = buffer.readUInt16LE(offset)
  const port = buffer.readUInt16BE(offset + 2)
  if (family === 2) return { address: buffer.subarray(offset + 4, offset + 8).join('.'), port }
  if (family === 10) {
    const words = Array.from({ length: 8 }, (_, i) => buffer.readUInt16BE(offset + 8 + 2 * i).toString(16))
    return { address: words.join(':').replace(/^(0:)+/, '::'), port }
  }
  return undefined
}

for (const kind of KINDS.filter(({ protocol }) => protocol === 'mptcp')) {
  void t.test(`MPTCP over IPv${kind.family}: one subflow with its addresses`, async (t) => {
    const { client, server } = await new Loopback(t).pair(kind)
    // an answered message makes the connection fully established on both sides
    native.send(client, Buffer.from('question'))
    t.equal(await receive(server), 'question')
    native.send(server, Buffer.from('answer'))
    t.equal(await receive(client), 'answer')

    const ends = [client, server].map((fd) => ({ fd, info: native.upstreamInfo(fd) }))
    for (const { fd, info } of ends) {
      const mptcp = info.info
      if (mptcp === undefined) throw new Error('no mptcp_info')
      t.ok(mptcp.length >= 48, `mptcp_info of ${mptcp.length} bytes`)
      t.equal(mptcp.readUInt8(0), 0, 'no extra subflow')
      t.not(mptcp.readUInt32LE(12), 0, 'a token')
      t.equal(info.tcpInfo.length, 1)
      t.ok((info.tcpInfo[0]?.length ?? 0) >= 232)
      t.equal(info.tcpInfo[0]?.readUInt8(0), ESTABLISHED)
      t.equal(info.addresses.length, 1)
      const start = info.source === 'full' ? 8 : 0
      t.equal(info.addresses[0]?.length, start + 256)
      t.same(socketAddress(info.addresses[0], start), native.localAddress(fd))
      t.same(socketAddress(info.addresses[0], start + 128), native.remoteAddress(fd))
    }
    t.not(ends[0]?.info.info?.readUInt32LE(12), ends[1]?.info.info?.readUInt32LE(12), 'tokens are local')
  })
}

for (const family of [4, 6] as const) {
  for (const [clientProtocol, serverProtocol] of [
    ['mptcp', 'tcp'],
    ['tcp', 'mptcp'],
    ['tcp', 'tcp'],
  ] as const) {
    void t.test(`${clientProtocol} to ${serverProtocol} over IPv${family}: one TCP connection`, async (t) => {
      const { client, server } = await new Loopback(t).pair(
        { family, protocol: clientProtocol },
        serverProtocol,
      )
      for (const fd of [client, server]) {
        const info = native.upstreamInfo(fd)
        t.equal(info.info, undefined)
        t.equal(info.source, 'separate')
        t.equal(info.tcpInfo.length, 1)
        t.ok((info.tcpInfo[0]?.length ?? 0) >= 232)
        t.equal(info.tcpInfo[0]?.readUInt8(0), ESTABLISHED)
        t.same(
          info.addresses.map((each) => each.length),
          [256],
        )
        t.same(socketAddress(info.addresses[0], 0), native.localAddress(fd))
        t.same(socketAddress(info.addresses[0], 128), native.remoteAddress(fd))
      }
    })
  }
}

void t.test('sockets that are not connected', (t) => {
  const sockets = new Loopback(t)
  const tcp = native.upstreamInfo(sockets.socket({ family: 4, protocol: 'tcp' }))
  t.equal(tcp.tcpInfo[0]?.readUInt8(0), CLOSE)
  t.equal(socketAddress(tcp.addresses[0], 128), undefined)
  t.doesNotThrow(() => native.upstreamInfo(sockets.socket({ family: 4, protocol: 'mptcp' })))
  t.doesNotThrow(() => native.upstreamInfo(sockets.listener({ family: 4, protocol: 'mptcp' }).fd))
  t.throws(() => native.upstreamInfo(1_000_000), {
    code: 'EBADF',
    message: 'getsockopt SO_PROTOCOL: bad file descriptor (EBADF)',
  })
  t.end()
})

void t.test('the out-of-tree option is refused on this kernel, whatever number 45 means here', async (t) => {
  for (const protocol of ['tcp', 'mptcp'] as const) {
    const { client } = await new Loopback(t).pair({ family: 4, protocol })
    const error = thrown(() => native.outOfTreeInfo(client))
    t.match(error, { syscall: 'getsockopt', message: /^getsockopt MPTCP_INFO \(out-of-tree\): / })
    t.match(error, { code: /^(ENOPROTOOPT|EOPNOTSUPP)$/ })
  }
})

void t.test('other kernels, through a preloaded getsockopt', async (t) => {
  const preload = join(t.testdir(), 'old-kernels.so')
  const source = fileURLToPath(new URL('./old-kernels.c', import.meta.url))
  execFileSync('gcc', ['-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-o', preload, source, '-ldl'])
  const run = async (kernel: string, script: string): Promise<unknown> => {
    const { code, output, errors } = await runScript(`${addon}${script}`, {
      preload,
      environment: { MPTK_TEST_KERNEL: kernel },
    })
    t.equal(code, 0, errors)
    return JSON.parse(output)
  }
  const connected = `
    const mptcp = { family: 4, protocol: 'mptcp' }
    const listener = native.socket(mptcp)
    native.bind(listener, '${LOOPBACK[4]}', 0)
    native.listen(listener, 1)
    const client = native.socket(mptcp)
    native.connect(client, '${LOOPBACK[4]}', native.localAddress(listener).port)
    await new Promise((resolve) => {
      const watcher = native.watch(client, () => {
        watcher.close()
        resolve()
      })
      watcher.start({ readable: false, writable: true })
    })
    const { info, tcpInfo, addresses, source } = native.upstreamInfo(client)
    const port = native.localAddress(client).port
    // the library looks at this with every question: the same connection, asked the other way
    process.env.MPTK_TEST_KERNEL = 'running'
    const now = native.upstreamInfo(client)
    const ends = (each) => each.subarray(-256).toString('hex')
    console.log(JSON.stringify({
      sameAsNow: tcpInfo.every((each, i) => each.length === now.tcpInfo[i].length && each[0] === now.tcpInfo[i][0]) &&
        addresses.every((each, i) => ends(each) === ends(now.addresses[i])) &&
        (info === undefined || info.length === now.info.length && info.readUInt32LE(12) === now.info.readUInt32LE(12)),
      info: info?.length >= 48,
      states: tcpInfo.map((each) => each[0]),
      lengths: addresses.map((each) => each.length),
      local: addresses.map((each) => each.readUInt16BE(2) === port),
      source,
    }))`
  t.same(
    await run('6.1', connected),
    {
      ...{ info: true, states: [ESTABLISHED], lengths: [256], local: [true] },
      ...{ source: 'separate', sameAsNow: true },
    },
    'MPTCP_INFO, MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS',
  )
  t.same(
    await run('5.10', connected),
    {
      ...{ states: [], lengths: [256], local: [true], source: 'separate' },
      ...{ info: false, sameAsNow: true },
    },
    'nothing to ask: only the addresses',
  )

  const outOfTree = `
    const { meta, initial, subflows, subflowInfo } = native.outOfTreeInfo(native.socket({ family: 4, protocol: 'tcp' }))
    const brief = (buffer) => [...new Set(buffer.toString('latin1'))].join('') + buffer.length
    console.log(JSON.stringify([brief(meta), brief(initial), subflows.map(brief), subflowInfo.map(brief)]))`
  t.same(await run('oot', outOfTree), ['M48', 'I232', ['0232', '1232'], ['a56', 'b56']])
  t.same(
    await run('oot-joined', outOfTree),
    ['M48', '0', ['0232', '1232'], ['a56', 'b56']],
    'without the initial subflow, which is gone',
  )
})
