import t from 'tap'
import { decodeMptcpInfo, decodeSubflowAddresses } from '../../../src/kernel/mptcp-info.js'
import { decodeMeta, decodeSubInfo, parseConnections } from '../../../src/kernel/out-of-tree-info.js'
import { decodeTcpInfo } from '../../../src/kernel/tcp-info.js'
import { MPTCP_INFO, SUBFLOW_INFO, TCP_INFO } from './recorded.js'

const [FIRST = Buffer.alloc(0), SECOND = Buffer.alloc(0)] = TCP_INFO
const [ADDRESSES = Buffer.alloc(0), BACKUP_ADDRESSES = Buffer.alloc(0)] = SUBFLOW_INFO

function without(value: object, ...keys: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}

void t.test('tcp_info of Linux 6.18', (t) => {
  t.equal(FIRST.length, 280)
  t.strictSame(decodeTcpInfo(FIRST), {
    state: 'established',
    rtt: 0.024,
    rttVariation: 0.013,
    bytesSent: 1,
    bytesReceived: 2,
    bytesRetransmitted: 0,
    retransmissions: 0,
    deliveryRate: 3276800000,
    congestionWindow: 11,
  })
  t.match(decodeTcpInfo(SECOND), { rtt: 0.006, rttVariation: 0.003, congestionWindow: 10, bytesReceived: 0 })
  t.end()
})

void t.test('tcp_info as long as older kernels have it', (t) => {
  const whole = decodeTcpInfo(FIRST)
  for (const length of [248, 232, 224]) {
    t.strictSame(decodeTcpInfo(FIRST.subarray(0, length)), whole, `${length} bytes: every field`)
  }
  const linux414 = without(whole, 'bytesSent', 'bytesRetransmitted')
  t.strictSame(decodeTcpInfo(FIRST.subarray(0, 192)), linux414, '4.14 does not count bytes sent')
  t.strictSame(decodeTcpInfo(FIRST.subarray(0, 207)), linux414, 'a field cut in half does not count')
  const linux44 = without(linux414, 'deliveryRate')
  t.strictSame(decodeTcpInfo(FIRST.subarray(0, 160)), linux44, '4.4 has no delivery rate')
  t.match(decodeTcpInfo(Buffer.alloc(0)), { state: 'unknown', rtt: 0, congestionWindow: 0 })
  t.end()
})

void t.test('tcp_info: every field from its own place', (t) => {
  const info = Buffer.alloc(232)
  info.writeUInt8(4, 0)
  info.writeUInt32LE(1_500, 68)
  info.writeUInt32LE(250, 72)
  info.writeUInt32LE(77, 80)
  info.writeUInt32LE(9, 100)
  info.writeBigUInt64LE(1n << 40n, 128)
  info.writeBigUInt64LE(125_000n, 160)
  info.writeBigUInt64LE(1n << 41n, 200)
  info.writeBigUInt64LE(4096n, 208)
  t.strictSame(decodeTcpInfo(info), {
    state: 'fin-wait-1',
    rtt: 1.5,
    rttVariation: 0.25,
    congestionWindow: 77,
    retransmissions: 9,
    bytesReceived: 2 ** 40,
    deliveryRate: 125_000,
    bytesSent: 2 ** 41,
    bytesRetransmitted: 4096,
  })
  info.writeUInt8(7, 0)
  t.equal(decodeTcpInfo(info).state, 'close')
  info.writeUInt8(99, 0)
  t.equal(decodeTcpInfo(info).state, 'unknown')
  t.end()
})

void t.test('mptcp_info', (t) => {
  t.strictSame(decodeMptcpInfo(MPTCP_INFO), {
    extraSubflows: 1,
    fellBack: false,
    token: 1230169850,
    bytesSent: 1,
    bytesReceived: 2,
    subflowsTotal: 2,
  })
  const linux66 = without(decodeMptcpInfo(MPTCP_INFO), 'subflowsTotal')
  t.strictSame(decodeMptcpInfo(MPTCP_INFO.subarray(0, 80)), linux66, '80 bytes (6.6)')
  t.strictSame(
    decodeMptcpInfo(MPTCP_INFO.subarray(0, 48)),
    { extraSubflows: 1, fellBack: false, token: 1230169850 },
    '48 bytes (5.15, 6.1)',
  )
  const fallen = Buffer.from(MPTCP_INFO)
  fallen.writeUInt32LE(fallen.readUInt32LE(8) | 1, 8)
  t.equal(decodeMptcpInfo(fallen).fellBack, true)
  t.end()
})

void t.test('addresses of a subflow', (t) => {
  const remote = { address: '127.0.0.1', port: 45401 }
  t.equal(ADDRESSES.length, 264)
  t.strictSame(decodeSubflowAddresses(ADDRESSES), {
    id: 1,
    local: { address: '127.0.0.1', port: 53214 },
    remote,
  })
  const second = { local: { address: '127.0.0.2', port: 51787 }, remote }
  t.strictSame(decodeSubflowAddresses(BACKUP_ADDRESSES), { id: 2, ...second })
  t.strictSame(
    decodeSubflowAddresses(BACKUP_ADDRESSES.subarray(8)),
    second,
    'mptcp_subflow_addrs, without an id',
  )
  t.equal(decodeSubflowAddresses(Buffer.alloc(264)), undefined, 'an unused slot')
  t.equal(decodeSubflowAddresses(Buffer.alloc(0)), undefined)
  t.end()
})

void t.test('out-of-tree: the connection and its subflows', (t) => {
  const meta = Buffer.alloc(48)
  meta.writeBigUInt64LE(7_000_000_000n, 32)
  meta.writeBigUInt64LE(5n, 40)
  t.strictSame(decodeMeta(meta), { bytesAcknowledged: 7_000_000_000, bytesReceived: 5 })
  t.strictSame(decodeMeta(meta.subarray(0, 40)), { bytesAcknowledged: 7_000_000_000 })

  const four = Buffer.alloc(56)
  Buffer.from([2, 0, 0x1f, 0x90, 10, 1, 0, 2]).copy(four, 0)
  Buffer.from([2, 0, 0, 80, 10, 0, 3, 3]).copy(four, 28)
  t.strictSame(decodeSubInfo(four), {
    local: { address: '10.1.0.2', port: 8080 },
    remote: { address: '10.0.3.3', port: 80 },
  })
  const six = Buffer.alloc(56)
  Buffer.from([10, 0, 0x1f, 0x90]).copy(six, 0)
  Buffer.from('20010db8000000000000000000000001', 'hex').copy(six, 8)
  Buffer.from([10, 0, 0, 80]).copy(six, 28)
  Buffer.from('fe800000000000000000000000000009', 'hex').copy(six, 36)
  six.writeUInt32LE(3, 52)
  t.strictSame(decodeSubInfo(six), {
    local: { address: '2001:db8::1', port: 8080 },
    remote: { address: 'fe80::9%3', port: 80 },
  })
  t.equal(decodeSubInfo(Buffer.alloc(56)), undefined)
  t.end()
})

void t.test('out-of-tree: /proc/net/mptcp_net/mptcp', (t) => {
  const header =
    '  sl  loc_tok  rem_tok  v6 local_address                         remote_address                        st ns tx_queue rx_queue inode\n'
  const four =
    '   0: 9641B0C2 1A2B3C4D  0 0200010A:8C3E                         0303000A:0050                         01 02 00000000:00000000 20417\n'
  const six =
    '   1: 7F E0000001  1 B80D0120000000000000000001000000:8C40 B80D0120000000000000000002000000:01BB 08 0B 00000000:00000000 20418\n'
  const hidden =
    '   2: FFFFFFFF FFFFFFFF  0 0200010A:8C42                         0303000A:0050                         01 01 00000000:00000000 20419\n'
  t.strictSame(parseConnections(header + four + six + hidden), [
    {
      token: 0x9641b0c2,
      family: 2,
      local: { address: '10.1.0.2', port: 0x8c3e },
      remote: { address: '10.0.3.3', port: 80 },
      subflows: 2,
    },
    {
      token: 0x7f,
      family: 10,
      local: { address: '2001:db8::1', port: 0x8c40 },
      remote: { address: '2001:db8::2', port: 443 },
      subflows: 11,
    },
    {
      family: 2,
      local: { address: '10.1.0.2', port: 0x8c42 },
      remote: { address: '10.0.3.3', port: 80 },
      subflows: 1,
    },
  ])
  t.strictSame(parseConnections(header), [])
  t.end()
})
