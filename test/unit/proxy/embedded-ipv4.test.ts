// IPv4 addresses that translators and tunnels find in IPv6 ones.
import t from 'tap'
import { embeddedIPv4, nat64Prefixes } from '../../../proxy/rules/embedded-ipv4.js'

void t.test('each kind', (t) => {
  for (const [address, found, kind] of [
    ['64:ff9b::10.1.2.3', ['10.1.2.3'], 'NAT64'],
    ['64:ff9b::a01:203', ['10.1.2.3'], 'NAT64 in hexadecimal'],
    ['2002:a01:203::1', ['10.1.2.3'], '6to4'],
    ['2001:0:c633:6407:8000:63bf:f5fe:fdfc', ['10.1.2.3'], 'Teredo, the example of inverted bits'],
    ['2001:db8::5efe:10.1.2.3', ['10.1.2.3'], 'ISATAP'],
    ['2001:db8::200:5efe:10.1.2.3', ['10.1.2.3'], 'ISATAP, global'],
    ['fe80::5efe:a01:203%eth0', ['10.1.2.3'], 'ISATAP with a zone'],
    ['::10.1.2.3', ['10.1.2.3'], 'IPv4-compatible'],
    ['::ffff:0:10.1.2.3', ['10.1.2.3'], 'IPv4-translated'],
    ['2002:a01:203::5efe:192.168.1.1', ['10.1.2.3', '192.168.1.1'], 'two at once'],
    ['::1', [], 'loopback'],
    ['::', [], 'unspecified'],
    ['2001:db8::10.1.2.3', [], 'nothing but an address'],
    ['64:ff9b:0:1::10.1.2.3', [], 'beside the well-known prefix'],
    ['2001:1:c633:6407:8000:63bf:f5fe:fdfc', [], 'beside Teredo'],
    ['10.1.2.3', [], 'IPv4'],
  ] as const) {
    t.strictSame(embeddedIPv4(address), found, `${kind}: ${address}`)
  }
  t.end()
})

// RFC 6052 §2.4 has these, for 192.0.2.33 and 2001:db8::/32 to 2001:db8:122:344::/96
const TABLE = [
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
] as const

void t.test("a network's own translators, by RFC 6052's table", (t) => {
  for (const [prefix, address] of TABLE) {
    t.strictSame(embeddedIPv4(address, nat64Prefixes([prefix])), ['192.0.2.33'], prefix)
    t.strictSame(embeddedIPv4(address), [], `${address} is nothing special elsewhere`)
  }
  t.end()
})

void t.test('the prefix for local use, at every length', (t) => {
  for (const address of [
    '64:ff9b:1:a01:2:300::',
    '64:ff9b:1:ff0a:1:203::',
    '64:ff9b:1:ff00:a:102:300::',
    '64:ff9b:1:ff00::10.1.2.3',
  ]) {
    t.ok(embeddedIPv4(address).includes('10.1.2.3'), address)
  }
  t.strictSame(embeddedIPv4('64:ff9b:1::10.1.2.3'), ['10.1.2.3'])
  const known = nat64Prefixes(['64:ff9b:1:a00::/96'])
  t.strictSame(embeddedIPv4('64:ff9b:1:a00::8.8.8.8', known), ['8.8.8.8'], 'told which it is, only that')
  t.end()
})
