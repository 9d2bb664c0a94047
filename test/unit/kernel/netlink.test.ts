import t from 'tap'
import { decodeDiagnosis, encodeLookup } from '../../../src/kernel/diag-codec.js'
import { decodeEndpoint, encodeEndpoint, PM_ATTR } from '../../../src/kernel/endpoint-codec.js'
import {
  decodeAttributes,
  decodeMessages,
  decodeStatus,
  encodeAttribute,
  encodeMessage,
  encodeNested,
  NLM_F_REQUEST,
} from '../../../src/kernel/netlink.js'
import { DIAGNOSIS, ENDPOINTS, EXISTS, FAMILY } from './recorded.js'

void t.test('messages', (t) => {
  const one = encodeMessage(16, NLM_F_REQUEST, 7, Buffer.from('abcde'))
  t.equal(one.toString('hex'), '15000000100001000700000000000000' + '6162636465000000')
  const two = encodeMessage(17, 0, 8, Buffer.alloc(0))
  t.strictSame(decodeMessages(Buffer.concat([one, two])), [
    { type: 16, flags: 1, payload: Buffer.from('abcde') },
    { type: 17, flags: 0, payload: Buffer.alloc(0) },
  ])
  t.strictSame(decodeMessages(Buffer.alloc(0)), [])
  for (const [what, length] of [
    ['longer than the datagram', 400],
    ['shorter than its header', 3],
  ] as const) {
    const broken = Buffer.from(one)
    broken.writeUInt32LE(length)
    t.throws(() => decodeMessages(broken), { code: 'MPTK_NETLINK' }, what)
  }
  t.throws(() => decodeMessages(one.subarray(0, 5)), { code: 'MPTK_NETLINK' })
  t.end()
})

void t.test('attributes', (t) => {
  const plain = encodeAttribute(3, Buffer.from([1]))
  t.equal(plain.toString('hex'), '0500030001000000')
  const nested = encodeNested(1, [plain, encodeAttribute(4, Buffer.from('abcd'))])
  t.equal(nested.toString('hex'), '14000180' + '0500030001000000' + '0800040061626364')
  const outer = decodeAttributes(nested)
  t.strictSame([...outer.keys()], [1], 'the flag is not part of the type')
  t.strictSame(
    [...decodeAttributes(outer.get(1) ?? Buffer.alloc(0))],
    [
      [3, Buffer.from([1])],
      [4, Buffer.from('abcd')],
    ],
  )
  t.strictSame([...decodeAttributes(Buffer.alloc(2))], [], 'padding')
  t.throws(() => decodeAttributes(Buffer.from([9, 0, 1, 0])), { code: 'MPTK_NETLINK' })
  t.throws(() => decodeAttributes(Buffer.from([2, 0, 1, 0])), { code: 'MPTK_NETLINK' })
  t.end()
})

void t.test('errors', (t) => {
  const [exists] = decodeMessages(EXISTS)
  t.strictSame(exists && decodeStatus(exists), { errno: 17 }, 'as Linux 6.18 says EEXIST')
  const error = (errno: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(errno)
    return bytes
  }
  const words = encodeAttribute(1, Buffer.from('limit greater than maximum\0'))
  const offset = encodeAttribute(2, error(20))
  const request = encodeMessage(29, 5, 1, Buffer.from('12345'))
  const said = { errno: 22, message: 'limit greater than maximum' }
  t.strictSame(
    decodeStatus({ type: 2, flags: 0x200, payload: Buffer.concat([error(-22), request, offset, words]) }),
    said,
    'after the whole request',
  )
  t.strictSame(
    decodeStatus({
      type: 2,
      flags: 0x300,
      payload: Buffer.concat([error(-22), request.subarray(0, 16), words]),
    }),
    said,
    'after its header only (capped)',
  )
  t.strictSame(
    decodeStatus({ type: 3, flags: 0x202, payload: Buffer.concat([error(-22), words]) }),
    said,
    'at the end of a dump',
  )
  t.strictSame(decodeStatus({ type: 2, flags: 0, payload: error(0) }), { errno: 0 }, 'an acknowledgement')
  t.strictSame(decodeStatus({ type: 3, flags: 2, payload: Buffer.alloc(0) }), { errno: 0 })
  t.strictSame(
    decodeStatus({
      type: 2,
      flags: 0x300,
      payload: Buffer.concat([error(0), request.subarray(0, 16), words]),
    }),
    { errno: 0 },
    'a warning beside an acknowledgement',
  )
  t.strictSame(
    decodeStatus({ type: 3, flags: 0x202, payload: Buffer.concat([error(-22), Buffer.from([99, 0, 1, 0])]) }),
    { errno: 22 },
    'words that cannot be read hide no error',
  )
  t.equal(decodeStatus({ type: 28, flags: 0, payload: error(-1) }), undefined)
  t.end()
})

void t.test('generic netlink: a family', (t) => {
  const [answer] = decodeMessages(FAMILY)
  const attributes = decodeAttributes(answer?.payload.subarray(4) ?? Buffer.alloc(0))
  t.equal(attributes.get(1)?.readUInt16LE(), 28)
  t.equal(attributes.get(2)?.toString(), 'mptcp_pm\0')
  t.end()
})

void t.test('endpoints', (t) => {
  const messages = ENDPOINTS.flatMap(decodeMessages)
  t.strictSame(
    messages.map(({ type }) => type),
    [28, 28, 3],
  )
  const nested = messages.flatMap(({ type, payload }) =>
    type === 3 ? [] : (decodeAttributes(payload.subarray(4)).get(PM_ATTR.address) ?? []),
  )
  t.strictSame(nested.map(decodeEndpoint), [
    { id: 1, address: '127.0.0.2', interfaceIndex: 1, flags: ['subflow', 'backup'] },
    { id: 2, address: '127.0.0.3', port: 8080, interfaceIndex: 0, flags: ['signal'] },
  ])
  const six = {
    id: 200,
    address: '2001:db8::1',
    port: 443,
    interfaceIndex: 70_000,
    flags: ['signal', 'implicit', 'laminar'] as const,
  }
  const encoded = decodeAttributes(encodeEndpoint({ ...six, flags: [...six.flags] })).get(PM_ATTR.address)
  t.strictSame(encoded && decodeEndpoint(encoded), six, 'what is written can be read')
  t.equal(
    encodeEndpoint({ id: 0, address: '10.0.0.1' }).toString('hex'),
    '1c000180' + '0600010002000000' + '080003000a000001' + '0500020000000000',
    'id 0 is written',
  )
  t.equal(encodeEndpoint({ id: 9 }).toString('hex'), '0c000180' + '0500020009000000')
  t.equal(decodeEndpoint(Buffer.alloc(0)), undefined)
  const later = Buffer.concat([
    ...[encodeAttribute(1, Buffer.from([2, 0])), encodeAttribute(3, Buffer.from([10, 0, 0, 1]))],
    // a flag and an attribute that are not known here, and numbers that have grown
    ...[encodeAttribute(6, Buffer.from([2, 1, 0, 0, 9, 9, 9, 9])), encodeAttribute(2, Buffer.from([7, 1]))],
    encodeAttribute(99, Buffer.from('?')),
  ])
  t.strictSame(decodeEndpoint(later), { id: 7, address: '10.0.0.1', interfaceIndex: 0, flags: ['subflow'] })
  t.throws(() => encodeEndpoint({ address: 'wlan0' }), { code: 'MPTK_ADDRESS' })
  t.end()
})

void t.test('inet_diag: the request', (t) => {
  const four = encodeLookup({ address: '10.0.0.1', port: 1 }, { address: '10.0.0.2', port: 0x1f90 }, 3)
  t.equal(four.length, 56)
  t.equal(
    four.toString('hex'),
    '02060a00' +
      'ffffffff' +
      '00011f90' +
      '0a000001'.padEnd(32, '0') +
      '0a000002'.padEnd(32, '0') +
      '03000000' +
      'f'.repeat(16),
  )
  const six = encodeLookup({ address: 'fe80::1%2', port: 1 }, { address: 'fe80::2%2', port: 2 }, 0)
  t.equal(six[0], 10)
  t.equal(six.toString('hex', 12, 28), 'fe80' + '1'.padStart(28, '0'))
  t.end()
})

void t.test('inet_diag: the answer', (t) => {
  const answers = DIAGNOSIS.flatMap(decodeMessages).map(({ payload }) => decodeDiagnosis(payload))
  t.strictSame(answers, [
    { congestion: 'bbr', backup: false },
    { congestion: 'bbr', backup: true },
  ])
  const head = Buffer.alloc(72)
  const congestion = encodeAttribute(4, Buffer.from('cubic\0'))
  t.strictSame(decodeDiagnosis(Buffer.concat([head, congestion])), { congestion: 'cubic' }, 'plain TCP')
  const withFlags = (flags: number): Buffer => {
    const value = Buffer.alloc(4)
    value.writeUInt32LE(flags)
    return Buffer.concat([head, encodeNested(19, [encodeNested(3, [encodeAttribute(8, value)])])])
  }
  t.strictSame(decodeDiagnosis(withFlags(1 << 4)), { backup: true }, 'the peer asked for backup')
  t.strictSame(decodeDiagnosis(withFlags(1 << 5)), { backup: true }, 'we did')
  t.strictSame(decodeDiagnosis(withFlags(0xcf)), { backup: false })
  t.strictSame(decodeDiagnosis(head), {})
  t.end()
})
