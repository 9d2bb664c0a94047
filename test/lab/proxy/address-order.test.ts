/** Which family comes first, on hosts with and without a way to IPv6. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { inOrder } from '../../../src/net/names/address-order.js'
import { inOwnNetwork } from '../../support/own-network.js'

const ip = (...words: string[]): string => execFileSync('ip', words, { encoding: 'utf8' })
const both = { ipv4: ['192.0.2.1', '192.0.2.2'], ipv6: ['2001:db8:9::1'] }
const IPV4_FIRST = ['192.0.2.1', '2001:db8:9::1', '192.0.2.2']
const IPV6_FIRST = ['2001:db8:9::1', '192.0.2.1', '192.0.2.2']

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('the order of addresses', (t) => {
    t.strictSame(inOrder(both), IPV4_FIRST, 'no way to IPv6')
    t.strictSame(inOrder({ ipv4: ['127.0.0.1'], ipv6: ['::1'] }), ['::1', '127.0.0.1'])
    ip('link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'd1')
    for (const device of ['d0', 'd1']) ip('link', 'set', device, 'up')
    ip('address', 'add', 'fd00:1::1/64', 'dev', 'd0', 'nodad')
    ip('-6', 'route', 'add', 'default', 'via', 'fd00:1::2')
    t.strictSame(inOrder(both), IPV4_FIRST, 'a way, but only from a unique local address')
    t.strictSame(inOrder({ ...both, ipv6: ['fd00:2::1'] })[0], 'fd00:2::1', 'which is good for its like')
    ip('address', 'add', '2001:db8:1::1/64', 'dev', 'd0', 'nodad')
    t.strictSame(inOrder(both), IPV6_FIRST, 'from a global one')
    ip('-6', 'route', 'add', 'unreachable', '2001:db8:9::/48', 'metric', '1')
    t.strictSame(inOrder(both), IPV4_FIRST, 'a route that says no')
    execFileSync('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1'])
    t.strictSame(inOrder(both), IPV4_FIRST, 'IPv6 switched off')
    t.end()
  })
}
