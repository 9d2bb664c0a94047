import t from 'tap'
import {
  familyOf,
  formatAddress,
  isLoopback,
  parseDestination,
  parseSocketAddress,
  plainAddress,
  PrefixSet,
  withoutZone,
} from '../../src/address.js'

void t.test('addresses as text and back', (t) => {
  const texts: [string, { host: string; port: number }][] = [
    ['10.0.0.1:80', { host: '10.0.0.1', port: 80 }],
    ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65535 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['example.org:443', { host: 'example.org', port: 443 }],
    ['a-b_c.example:0', { host: 'a-b_c.example', port: 0 }],
  ]
  for (const [text, value] of texts) {
    t.strictSame(parseDestination(text), value)
    t.equal(formatAddress(value), text)
  }
  t.strictSame(
    parseDestination(' localhost:80 '),
    { host: 'localhost', port: 80 },
    'blanks around are dropped',
  )
  t.equal(formatAddress({ address: '::1', port: 80 }), '[::1]:80')
  t.strictSame(parseSocketAddress('[::1]:0'), { address: '::1', port: 0 })
  t.end()
})

void t.test('what is no address', (t) => {
  for (const text of [
    '',
    ':80',
    '10.0.0.1',
    '10.0.0.1:',
    '10.0.0.1:65536',
    '10.0.0.1:-1',
    '10.0.0.1:8o',
    '10.0.0.1:080000',
    '::1:80',
    '[::1]',
    '[::1]80',
    '[10.0.0.1]:80',
    '[example.org]:80',
    'exa mple.org:80',
    '-a.org:80',
    'a-.org:80',
    'a..org:80',
    `${'a'.repeat(64)}.org:80`,
    'http://a.org:80',
    'a.org:80:90',
  ]) {
    t.throws(
      () => parseDestination(text),
      { code: 'MPTK_ADDRESS', message: /^expected .*, found "/ },
      JSON.stringify(text),
    )
  }
  t.throws(() => parseSocketAddress('localhost:80'), {
    code: 'MPTK_ADDRESS',
    message: 'expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found "localhost:80"',
  })
  t.end()
})

void t.test('families', (t) => {
  t.strictSame(
    ['1.2.3.4', '::', 'fe80::1%lo', 'a.org', '127.1', '2130706433', '0x7f.1'].map(familyOf),
    [4, 6, 6, 0, 0, 0, 0],
  )
  t.end()
})

void t.test('one text for each address', (t) => {
  for (const [text, plain] of [
    ['192.0.2.1', '192.0.2.1'],
    ['example.org', 'example.org'],
    ['2001:DB8:0:0::0001', '2001:db8::1'],
    ['fe80:0::1%eth0', 'fe80::1%eth0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:7f00:1', '127.0.0.1'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
    ['::1.2.3.4', '::102:304'],
  ] as const) {
    t.equal(plainAddress(text), plain, text)
  }
  t.equal(withoutZone('fe80::1%eth0'), 'fe80::1')
  t.equal(withoutZone('10.0.0.1'), '10.0.0.1')
  t.end()
})

void t.test('prefixes', (t) => {
  const has = (prefix: string, address: string): boolean => new PrefixSet([prefix]).has(address)
  t.ok(has('10.0.0.0/8', '10.255.255.255'))
  t.notOk(has('10.0.0.0/8', '11.0.0.0'))
  t.ok(has('10.1.2.3/8', '10.0.0.1'), 'bits beyond the length do not count')
  t.ok(has('10.0.0.1', '10.0.0.1'))
  t.notOk(has('10.0.0.1', '10.0.0.2'))
  t.ok(has('0.0.0.0/0', '255.1.2.3'))
  t.ok(has('fe80::/10', 'febf::1%eth0'), 'a zone does not hide an address')
  t.notOk(has('fe80::/10', 'fec0::1'))
  t.ok(has('10.0.0.0/8', '::ffff:10.1.2.3'), 'a mapped address counts as IPv4')
  t.ok(has('10.0.0.0/8', '::ffff:a01:203'), 'however it is written')
  t.ok(has('::ffff:10.0.0.0/104', '10.1.2.3'), 'a mapped prefix counts as IPv4')
  t.ok(has('::/0', '2001:db8::1'))
  t.notOk(has('::/0', '10.0.0.1'), 'all of IPv6 is none of IPv4')
  t.notOk(has('0.0.0.0/0', '::1'), 'and the other way round')
  t.notOk(has('10.0.0.0/8', 'example.org'), 'a name is in no prefix')
  t.notOk(new PrefixSet().has('10.0.0.1'))
  t.ok(new PrefixSet(['10.0.0.0/8', '2001:db8::/32']).has('2001:db8::1'))
  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    'a.org',
    '10.0.0.0/-1',
    'fe80::%1/10',
  ]) {
    t.throws(() => new PrefixSet([text]), { code: 'MPTK_ADDRESS' }, JSON.stringify(text))
  }
  t.end()
})

void t.test('loopback', (t) => {
  for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
    t.ok(isLoopback(address), address)
  for (const address of ['128.0.0.1', '::2', '0.0.0.0', '::']) t.notOk(isLoopback(address), address)
  t.end()
})
