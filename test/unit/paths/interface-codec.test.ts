import t from 'tap'
import { MptkError } from '../../../src/errors.js'
import { decodeMessages } from '../../../src/kernel/netlink.js'
import { assemble } from '../../../src/paths/interfaces.js'
import { decodeUplinkMessage, type UplinkMessage } from '../../../src/paths/interface-codec.js'
import { changesBetween } from '../../../src/paths/uplink-watcher.js'
import * as recorded from './recorded.js'

function decode(datagram: Buffer): UplinkMessage | undefined {
  const [message, ...more] = decodeMessages(datagram)
  if (message === undefined || more.length > 0) throw new Error('expected one message')
  return decodeUplinkMessage(message)
}

void t.test('links', (t) => {
  const wlan = { kind: 'link', index: 3, name: 'wlan', loopback: false, mac: '0e:8a:42:8c:07:c1' }
  t.strictSame(decode(recorded.LINK_UP), { ...wlan, removed: false, up: true, carrier: false })
  t.strictSame(decode(recorded.LINK_CARRIER), { ...wlan, removed: false, up: true, carrier: true })
  t.strictSame(decode(recorded.LINK_GONE), { ...wlan, removed: true, up: false, carrier: false })
  const ofBridge = Buffer.from(recorded.LINK_GONE)
  ofBridge[16] = 7
  t.equal(decode(ofBridge), undefined, 'a port that leaves a bridge is still there')
  t.end()
})

void t.test('addresses: those that connections can begin from are usable', (t) => {
  const wlan = { kind: 'address', index: 3, removed: false, prefixLength: 24, family: 4, usable: true }
  t.strictSame(decode(recorded.ADDRESS_4), { ...wlan, address: '10.0.1.2' })
  t.strictSame(decode(recorded.ADDRESS_4_SECONDARY), { ...wlan, address: '10.0.1.3' }, 'a second one too')
  t.strictSame(decode(recorded.ADDRESS_4_GONE), { ...wlan, address: '10.0.1.2', removed: true })
  t.match(
    decode(recorded.ADDRESS_PEER),
    { address: '10.0.2.2', prefixLength: 32, usable: true },
    'not the other end',
  )
  t.match(decode(recorded.ADDRESS_6_TENTATIVE), { address: 'fd00:1::2', family: 6, usable: false })
  t.match(decode(recorded.ADDRESS_LINK_LOCAL), { address: 'fe80::c8a:42ff:fe8c:7c1', usable: false })
  t.match(decode(recorded.LOOPBACK), { address: '127.0.0.1', usable: false })
  t.end()
})

void t.test('default routes of the main table, and no others', (t) => {
  const hops = [{ index: 3, gateway: '10.0.1.1' }]
  const route = { kind: 'default-route', removed: false, family: 4, metric: 100, hops }
  t.strictSame(decode(recorded.DEFAULT_4), route)
  t.strictSame(decode(recorded.DEFAULT_4_GONE), { ...route, removed: true })
  t.strictSame(decode(recorded.DEFAULT_MULTIPATH), {
    ...route,
    metric: 0,
    hops: [...hops, { index: 5, gateway: null }],
  })
  t.match(decode(recorded.DEFAULT_6), { family: 6, metric: 1024, hops: [{ index: 3, gateway: 'fd00:1::1' }] })
  for (const name of ['DEFAULT_TABLE', 'NETWORK', 'BROADCAST', 'UNREACHABLE_6', 'RULE_4'] as const) {
    t.equal(decode(recorded[name]), undefined, name)
  }
  t.end()
})

void t.test('a cut message is an error or nothing, never a wrong answer', (t) => {
  for (const whole of [recorded.LINK_CARRIER, recorded.ADDRESS_4, recorded.DEFAULT_MULTIPATH]) {
    const [message] = decodeMessages(whole)
    if (message === undefined) throw new Error('expected a message')
    const { kind } = decode(whole) ?? {}
    const wrong: unknown[] = []
    for (let length = 0; length < message.payload.length; length++) {
      try {
        const found = decodeUplinkMessage({ ...message, payload: message.payload.subarray(0, length) })
        if (found !== undefined && found.kind !== kind) wrong.push(found)
      } catch (error) {
        if (!(error instanceof MptkError)) wrong.push(error)
      }
    }
    t.strictSame(wrong, [])
  }
  t.end()
})

const link = (index: number, name: string, state: object = {}): UplinkMessage => ({
  kind: 'link',
  removed: false,
  index,
  name,
  up: true,
  carrier: true,
  loopback: false,
  ...state,
})
const address = (index: number, text: string, usable = true): UplinkMessage => {
  const family = text.includes(':') ? 6 : 4
  return { kind: 'address', removed: false, index, family, address: text, prefixLength: 24, usable }
}
const route = (metric: number, ...hops: { index: number; gateway: string | null }[]): UplinkMessage => {
  const family = hops[0]?.gateway?.includes(':') === true ? 6 : 4
  return { kind: 'default-route', removed: false, family, metric, hops }
}

void t.test('interfaces from a dump', (t) => {
  const interfaces = assemble([
    link(2, 'wlan'),
    link(3, 'cell', { carrier: false }),
    address(2, '10.0.1.2'),
    address(2, 'fd00:1::2', false),
    address(3, '10.0.2.2'),
    address(9, '10.9.9.9'),
    route(200, { index: 2, gateway: '10.0.1.254' }),
    route(100, { index: 2, gateway: '10.0.1.1' }),
    route(300, { index: 3, gateway: null }, { index: 9, gateway: '10.9.9.1' }),
    route(1024, { index: 2, gateway: 'fe80::1' }),
  ])
  t.strictSame(
    [...interfaces.values()],
    [
      {
        index: 2,
        name: 'wlan',
        up: true,
        carrier: true,
        loopback: false,
        addresses: [{ family: 4, address: '10.0.1.2', prefixLength: 24 }],
        gateways: { 4: '10.0.1.1', 6: 'fe80::1' },
      },
      {
        index: 3,
        name: 'cell',
        up: true,
        carrier: false,
        loopback: false,
        addresses: [{ family: 4, address: '10.0.2.2', prefixLength: 24 }],
        gateways: { 4: null },
      },
    ],
    'the lowest metric counts, whichever comes first',
  )
  t.end()
})

void t.test('changes between two looks', (t) => {
  const before = assemble([
    link(2, 'wlan'),
    address(2, '10.0.1.2'),
    route(1, { index: 2, gateway: '10.0.1.1' }),
  ])
  t.strictSame(changesBetween(before, before), [])
  const down = assemble([link(2, 'wlan', { up: false, carrier: false }), address(2, '10.0.1.2')])
  t.strictSame(changesBetween(before, down), [
    { kind: 'down', name: 'wlan' },
    { kind: 'no-carrier', name: 'wlan' },
    { kind: 'gateway-gone', name: 'wlan', family: 4 },
  ])
  t.strictSame(changesBetween(down, before), [
    { kind: 'up', name: 'wlan' },
    { kind: 'carrier', name: 'wlan' },
    { kind: 'gateway', name: 'wlan', family: 4, gateway: '10.0.1.1' },
  ])
  const moved = assemble([link(2, 'wlan'), address(2, '10.0.1.9'), route(1, { index: 2, gateway: null })])
  t.strictSame(changesBetween(before, moved), [
    { kind: 'address-gone', name: 'wlan', address: '10.0.1.2' },
    { kind: 'address', name: 'wlan', address: '10.0.1.9' },
    { kind: 'gateway', name: 'wlan', family: 4, gateway: null },
  ])
  t.strictSame(changesBetween(before, assemble([])), [{ kind: 'gone', name: 'wlan' }])
  t.match(changesBetween(before, assemble([link(7, 'wlan')])), [
    { kind: 'appeared', name: 'wlan' },
    { kind: 'address-gone' },
    { kind: 'gateway-gone' },
  ])
  t.end()
})
