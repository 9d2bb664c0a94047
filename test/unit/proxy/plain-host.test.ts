// One form for every spelling of a host, before rules see it.
import t from 'tap'
import { plainHost } from '../../../proxy/plain-host.js'

void t.test('names', (t) => {
  for (const [given, host] of [
    ['Example.ORG', 'example.org'],
    ['example.org.', 'example.org'],
    ['_dmarc.a-b.example', '_dmarc.a-b.example'],
    ['10.example', '10.example'],
    ['0x0a.example', '0x0a.example'],
    ['1e3', '1e3'],
    ['0xg', '0xg'],
    ['3com', '3com'],
    ['beef', 'beef'],
    ['xn--mnchen-3ya.de', 'xn--mnchen-3ya.de'],
    ['XN--fiqs8s', 'xn--fiqs8s'],
    ['xn--i-7iq.ws', 'xn--i-7iq.ws'],
  ] as const) {
    t.equal(plainHost(given), host, given)
  }
  t.end()
})

void t.test('what getaddrinfo would take for an IPv4 address is one', (t) => {
  for (const [given, address] of [
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3.', '10.1.2.3'],
    ['10.66051', '10.1.2.3'],
    ['10.66051.', '10.1.2.3'],
    ['10.1.515', '10.1.2.3'],
    ['0x0a010203', '10.1.2.3'],
    ['0X0A.0x1.0x2.0x3', '10.1.2.3'],
    ['167838211', '10.1.2.3'],
    ['01200201003', '10.1.2.3'],
    ['010.1.2.3', '8.1.2.3'],
    ['012.1.2.3', '10.1.2.3'],
    ['127.1', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['0xa9fea9fe', '169.254.169.254'],
    ['4294967295', '255.255.255.255'],
  ] as const) {
    t.equal(plainHost(given), address, given)
  }
  t.equal(plainHost('::FFFF:10.1.2.3'), '10.1.2.3')
  t.equal(plainHost('2001:DB8:0::1'), '2001:db8::1')
  t.end()
})

void t.test('what ends in a number and is no address is nothing', (t) => {
  for (const given of [
    '10.1.2.3.4',
    '256.1.1.1',
    '10.1.2.256',
    '10.16777216',
    '4294967296',
    '0x100000000',
    '08',
    '1.2.3.09',
    '0x',
    '1.0x',
    'host.7',
    'example.0x7f',
    '10.1.2.3..',
    '.10',
  ]) {
    t.equal(plainHost(given), undefined, given)
  }
  t.end()
})

void t.test('digits in disguise', (t) => {
  for (const given of [
    '１０.1.2.3',
    Buffer.from('１０.1.2.3').toString('latin1'),
    '10。1。2。3',
    // punycode of full-width and circled digits, and of plain ones
    'xn--7g7cb',
    '10.1.2.xn--8g7c',
    'xn--orh',
    '1.2.3.xn--4-',
    'xn--10-',
    'xn--a',
    '10.1.2.3%25',
    '10.1.2.3\0.example',
    '10.1.2.3 ',
    '[10.1.2.3]',
  ]) {
    t.equal(plainHost(given), undefined, JSON.stringify(given))
  }
  t.end()
})
