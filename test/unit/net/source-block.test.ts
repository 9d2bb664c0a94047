import t from 'tap'
import { sourceBlock } from '../../../src/net/source-block.js'

void t.test('one source: an IPv4 address, the /64 of an IPv6 address', (t) => {
  const cases: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:DB8:0:1::', '2001:db8:0:1::/64'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::2%eth0', 'fe80::2'],
  ]
  for (const [address, block] of cases) t.equal(sourceBlock(address), block, address)
  t.end()
})
