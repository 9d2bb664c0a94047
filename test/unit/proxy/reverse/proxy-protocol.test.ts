// PROXY protocol headers, byte by byte as HAProxy's document has them.
import t from 'tap'
import { encodeProxyV1, encodeProxyV2 } from '../../../../proxy/reverse/proxy-protocol.js'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const at = (address: string, port: number) => ({ address, port })

void t.test('version 2', (t) => {
  const hex = (...[client, local, authority]: [string, string, string?]): string =>
    encodeProxyV2({
      client: at(client, 50_000),
      local: at(local, 443),
      ...(authority !== undefined && { authority }),
    }).toString('hex')
  const ports = 'c35001bb'
  t.equal(hex('192.0.2.7', '10.0.0.1'), `${SIGNATURE}2111000cc00002070a000001${ports}`)
  t.equal(
    hex('2001:db8::7', '2001:db8::1'),
    `${SIGNATURE}2121002420010db8000000000000000000000007` + `20010db8000000000000000000000001${ports}`,
  )
  t.equal(hex('::ffff:192.0.2.7', '::ffff:10.0.0.1'), hex('192.0.2.7', '10.0.0.1'), 'IPv4-mapped is IPv4')
  t.equal(hex('fe80::7%eth0', 'fe80::1%eth0'), hex('fe80::7', 'fe80::1'), 'a zone has no place')
  t.equal(
    hex('192.0.2.7', '2001:db8::1'),
    `${SIGNATURE}2121002400000000000000000000ffffc0000207` + `20010db8000000000000000000000001${ports}`,
    'one family for both',
  )
  const name = Buffer.from('www.example.org').toString('hex')
  t.equal(
    hex('192.0.2.7', '10.0.0.1', 'www.example.org'),
    `${SIGNATURE}2111001ec00002070a000001${ports}02000f${name}`,
    'with PP2_TYPE_AUTHORITY',
  )
  t.end()
})

void t.test('version 1', (t) => {
  const text = (client: string, local: string): string =>
    encodeProxyV1({ client: at(client, 50_000), local: at(local, 443) }).toString('latin1')
  t.equal(text('192.0.2.7', '10.0.0.1'), 'PROXY TCP4 192.0.2.7 10.0.0.1 50000 443\r\n')
  t.equal(text('::ffff:192.0.2.7', '::ffff:10.0.0.1'), 'PROXY TCP4 192.0.2.7 10.0.0.1 50000 443\r\n')
  t.equal(text('2001:DB8:0::7', 'fe80::1%lo'), 'PROXY TCP6 2001:db8::7 fe80::1 50000 443\r\n')
  t.end()
})
