import t from 'tap'
import { decodeMessages, type NetlinkMessage } from '../../../src/kernel/netlink.js'
import {
  decodeRoute,
  decodeRule,
  encodeRoute,
  encodeRule,
  markText,
  routeMetric,
  type Route,
  type Rule,
} from '../../../src/paths/routing-codec.js'
import * as recorded from './recorded.js'

function only(datagram: Buffer): NetlinkMessage {
  const [message] = decodeMessages(datagram)
  if (message === undefined) throw new Error('expected a message')
  return message
}

void t.test('what the kernel says of routes', (t) => {
  t.strictSame(decodeRoute(only(recorded.DEFAULT_4)), {
    family: 4,
    table: 254,
    to: 'default',
    type: 'unicast',
    via: '10.0.1.1',
    index: 3,
    metric: 100,
  })
  t.match(decodeRoute(only(recorded.DEFAULT_TABLE)), { table: 101, metric: 0 })
  t.match(decodeRoute(only(recorded.NETWORK)), { to: '10.9.0.0/16', via: '10.0.1.1' })
  t.strictSame(
    decodeRoute(only(recorded.UNREACHABLE_6)),
    { family: 6, table: 5200, to: 'default', type: 'unreachable', metric: 2000 },
    'without the loopback interface that the kernel puts in',
  )
  t.equal(decodeRoute(only(recorded.BROADCAST)), undefined)
  t.equal(routeMetric(6, undefined), 1024)
  t.equal(routeMetric(4, undefined), 0)
  t.end()
})

void t.test('what the kernel says of rules', (t) => {
  t.strictSame(decodeRule(only(recorded.RULE_4)), {
    family: 4,
    priority: 5202,
    table: 254,
    from: '10.0.1.2',
    suppressDefault: true,
  })
  t.strictSame(decodeRule(only(recorded.RULE_6)), {
    family: 6,
    priority: 5210,
    table: 5201,
    to: 'fd00:9::/32',
    mark: '0x1/0xff',
    inputDevice: 'wlan',
    outputDevice: 'cell',
  })
  t.equal(decodeRule(only(recorded.RULE_PROHIBIT)), undefined)
  t.equal(markText(1), '0x1/0xffffffff')
  t.end()
})

const back = (payload: Buffer): NetlinkMessage => ({ type: 0, flags: 0, payload })

void t.test('there and back', (t) => {
  const routes: Route[] = [
    { family: 4, table: 5200, to: 'default', type: 'unicast', via: '10.0.1.1', index: 3, metric: 0 },
    { family: 4, table: 5200, to: '10.0.1.0/24', type: 'unicast', index: 3, source: '10.0.1.2', metric: 5 },
    { family: 4, table: 5200, to: 'default', type: 'unicast', via: 'fe80::1', index: 3, metric: 0 },
    { family: 6, table: 5200, to: 'fd00:1::/64', type: 'unicast', index: 3, metric: 1024 },
    { family: 6, table: 5200, to: 'fd00:1::7', type: 'unicast', via: 'fe80::1', index: 3, metric: 1024 },
    { family: 4, table: 5208, to: 'default', type: 'local', index: 1, metric: 0 },
    { family: 6, table: 5200, to: 'default', type: 'blackhole', metric: 1024 },
  ]
  for (const route of routes) t.strictSame(decodeRoute(back(encodeRoute(route))), route)
  const rules: Rule[] = [
    { family: 4, priority: 5203, table: 5200, from: '10.0.1.2' },
    { family: 4, priority: 1, table: 254, from: '10.0.0.0/8', to: '10.1.2.3', suppressDefault: true },
    { family: 6, priority: 5232, table: 5201, inputDevice: 'lan0', mark: markText(1, 1) },
    { family: 6, priority: 5233, table: 5201, outputDevice: 'lan0', mark: markText(7) },
    { family: 4, priority: 5218, table: 0, inputDevice: 'lan0', protocol: 6, action: 'unreachable' },
    { family: 4, priority: 5218, table: 0, mark: markText(0, 0x100000), action: 'unreachable' },
  ]
  for (const rule of rules) t.strictSame(decodeRule(back(encodeRule(rule))), rule)
  t.throws(() => encodeRule({ family: 4, priority: 1, table: 1, from: 'nowhere' }), { code: 'MPTK_ADDRESS' })
  t.end()
})
