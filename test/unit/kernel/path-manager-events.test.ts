import t from 'tap'
import { decodeMessages } from '../../../src/kernel/netlink.js'
import { decodePathManagerEvent, type PathManagerEvent } from '../../../src/kernel/path-manager-events.js'

/**
 * What Linux 6.18 (little-endian) told on both sides of one connection from 10.99.1.1 to
 * 10.99.1.2:7000, whose first subflow was then killed on the client. Hexadecimal, without the netlink header.
 */
const RECORDED = {
  created:
    '010100000800010084c741490600020002000000080005000a630101080007000a6301020600090096be000006000a001b58000005000300000000000500040000000000',
  established:
    '020100000800010084c741490600020002000000080005000a630101080007000a6301020600090096be000006000a001b58000005000300000000000500040000000000',
  accepted:
    '0201000008000100ff87ec95050012000100000006000d00020000000600020002000000080005000a630102080007000a630101060009001b58000006000a00b0c2000005000300000000000500040000000000',
  subflowEstablished:
    '0a01000008000100577035cd0600020002000000080005000a630101080007000a630102060009009389000006000a001b5800000500030001000000050004000000000005000b0000000000',
  subflowClosed:
    '0b01000008000100577035cd0600020002000000080005000a630101080007000a63010206000900b0c2000006000a001b5800000500030000000000050004000000000005000b000000000005000c0067000000',
  closed: '0301000008000100577035cd',
}

function decode(hex: string): PathManagerEvent | undefined {
  return decodePathManagerEvent({ type: 28, flags: 0, payload: Buffer.from(hex, 'hex') })
}

void t.test('a connection comes', (t) => {
  const pair = {
    local: { address: '10.99.1.1', port: 38590 },
    remote: { address: '10.99.1.2', port: 7000 },
  }
  const established = { kind: 'established', token: 0x4941c784, serverSide: false, denyJoinInitial: false }
  t.strictSame(decode(RECORDED.established), { ...established, ...pair })
  t.equal(decode(RECORDED.created), undefined, 'not before it is established')
  t.match(decode(RECORDED.accepted), {
    ...established,
    token: 0x95ec87ff,
    serverSide: true,
    local: { address: '10.99.1.2', port: 7000 },
    remote: { address: '10.99.1.1', port: 45250 },
  })
  const attribute = '0500120001000000'
  const flags = '06000d0002000000'
  const bySide = RECORDED.accepted.replace(flags, '')
  t.not(bySide, RECORDED.accepted)
  t.match(decode(bySide), { serverSide: true }, 'before Linux 6.18 by the attribute alone')
  t.match(decode(RECORDED.accepted.replace(attribute, '')), { serverSide: true }, 'or by the flag')
  const denied = RECORDED.accepted.replace(attribute, '').replace(flags, '06000d0001000000')
  t.match(decode(denied), { serverSide: false, denyJoinInitial: true })
  t.end()
})

void t.test('its subflows and its end', (t) => {
  const remote = { address: '10.99.1.2', port: 7000 }
  t.strictSame(decode(RECORDED.subflowEstablished), {
    kind: 'subflow-established',
    token: 0xcd357057,
    local: { address: '10.99.1.1', port: 37769 },
    remote,
  })
  t.strictSame(decode(RECORDED.subflowClosed), {
    kind: 'subflow-closed',
    localId: 0,
    token: 0xcd357057,
    error: 103,
    local: { address: '10.99.1.1', port: 45250 },
    remote,
  })
  t.strictSame(decode(RECORDED.closed), { kind: 'closed', token: 0xcd357057 })
  t.end()
})

void t.test('what is cut short is refused or passed over, never misread', (t) => {
  for (const hex of Object.values(RECORDED)) {
    const whole = decode(hex)
    for (let length = 0; length < hex.length / 2; length++) {
      let event: PathManagerEvent | undefined
      try {
        event = decode(hex.slice(0, 2 * length))
      } catch (error) {
        t.match(error, { code: 'MPTK_NETLINK' })
      }
      // some attributes at the end matter to nobody here
      if (event !== undefined && event.kind !== 'subflow-closed')
        t.strictSame(event, whole, `${length} bytes`)
    }
  }
  t.equal(decode('020100000600020002000000'), undefined, 'without a token')
  t.equal(decode(RECORDED.established.replace(/^02/, '0f')), undefined, 'an event about something else')
  t.end()
})

void t.test('as a datagram', (t) => {
  const [message] = decodeMessages(Buffer.from(`1c0000001c0000000000000000000000${RECORDED.closed}`, 'hex'))
  t.match(message && decodePathManagerEvent(message), { kind: 'closed' })
  t.end()
})
