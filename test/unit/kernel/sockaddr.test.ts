import t from 'tap'
import { decodeSockaddr, formatIP, parseIP } from '../../../src/kernel/sockaddr.js'

void t.test('addresses to bytes and back, in the form of RFC 5952', (t) => {
  for (const [text, canonical = text] of [
    ['0.0.0.0'],
    ['192.0.2.255'],
    ['::'],
    ['::1'],
    ['fe80::1'],
    ['2001:db8::'],
    ['2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:8'],
    ['2001:DB8::AB', '2001:db8::ab'],
    ['::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', 'fe80::1'],
  ] as [string, string?][]) {
    t.equal(formatIP(parseIP(text)), canonical, text)
  }
  t.strictSame(parseIP('10.0.3.3'), Buffer.from([10, 0, 3, 3]))
  t.equal(parseIP('2001:db8::1').toString('hex'), '20010db8000000000000000000000001')
  for (const wrong of ['', '10.0.0', 'example.org', '1:2:3', '::g']) {
    t.throws(() => parseIP(wrong), { code: 'MPTK_ADDRESS' }, wrong)
  }
  t.end()
})

void t.test('sockaddr', (t) => {
  const four = Buffer.from([2, 0, 0x04, 0x38, 127, 0, 0, 1])
  t.strictSame(decodeSockaddr(four), { address: '127.0.0.1', port: 1080 })
  t.equal(decodeSockaddr(four.subarray(0, 7)), undefined, 'too few bytes')
  t.equal(decodeSockaddr(Buffer.alloc(128)), undefined, 'family 0')
  t.strictSame(decodeSockaddr(Buffer.concat([Buffer.alloc(5), four]), 5), {
    address: '127.0.0.1',
    port: 1080,
  })
  const six = Buffer.alloc(28)
  Buffer.from([10, 0, 0x01, 0xbb]).copy(six)
  six.writeUInt8(1, 23)
  t.strictSame(decodeSockaddr(six), { address: '::1', port: 443 })
  t.equal(decodeSockaddr(six.subarray(0, 27)), undefined)
  t.end()
})
