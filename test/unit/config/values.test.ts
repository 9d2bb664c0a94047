import t from 'tap'
import { checkConfig } from '../../../src/config/load.js'

/** The first service of a configuration with one SOCKS5 service. */
function service(more: object) {
  const [service] = checkConfig(
    { services: [{ type: 'socks5', listen: '127.0.0.1:1080', ...more }] },
    'test',
  ).services
  if (service?.type !== 'socks5') throw new Error('no socks5 service')
  return service
}

void t.test('durations become milliseconds', (t) => {
  for (const [text, milliseconds] of [
    ['1ms', 1],
    ['300ms', 300],
    ['0.5s', 500],
    ['1.0004s', 1000],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['596h', 2_145_600_000],
  ] as const) {
    t.equal(service({ timeouts: { dial: text } }).timeouts.dial, milliseconds, text)
  }
  t.equal(service({ timeouts: { idle: 0 } }).timeouts.idle, 0, 'idle may be 0: no limit')
  for (const value of ['10', '10 s', '-1s', '1d', 's', '', '0s', '0.4ms', '597h', '1e3s', 10, 0, null]) {
    t.throws(
      () => service({ timeouts: { dial: value } }),
      {
        code: 'MPTK_CONFIG',
        message:
          /^test: services\[0\]\.timeouts\.dial: expected a duration as 300ms, 10s, 5m or 1h \(1ms to 596h\), found /,
      },
      JSON.stringify(value),
    )
  }
  t.end()
})

void t.test('ports of rules become ranges', (t) => {
  const ports = (value: unknown) => service({ rules: [{ allow: { ports: value } }] }).rules[0]?.allow?.ports
  t.strictSame(ports(443), [[443, 443]])
  t.strictSame(ports('443'), [[443, 443]])
  t.strictSame(ports('8000-9000'), [[8000, 9000]])
  t.strictSame(ports([22, '80-81']), [
    [22, 22],
    [80, 81],
  ])
  for (const value of [0, 65536, -1, 1.5, '9000-8000', '80-', '1-65536', 'http', true, null, {}]) {
    t.throws(
      () => ports(value),
      {
        message:
          /^test: services\[0\]\.rules\[0\]\.allow\.ports: expected a port or a range as 8000-9000, found /,
      },
      JSON.stringify(value),
    )
  }
  t.throws(() => ports([80, 'x']), { message: /allow\.ports\[1\]: expected .*, found "x"$/ })
  t.end()
})

void t.test('one or more', (t) => {
  const one = { address: '127.0.0.1', port: 1080 }
  t.strictSame(service({}).listen, [one])
  t.strictSame(service({ listen: ['127.0.0.1:1080', '[::1]:1080'] }).listen, [
    one,
    { address: '::1', port: 1080 },
  ])
  t.throws(() => service({ listen: [] }), {
    message: 'test: services[0].listen: expected at least one entry, found a list',
  })
  t.end()
})

void t.test('destinations of rules', (t) => {
  const destinations = (value: unknown) =>
    service({ rules: [{ deny: { destinations: value } }] }).rules[0]?.deny?.destinations
  const good = [
    '*',
    'example.org',
    '*.example.org',
    'a',
    '_srv.x-y.z',
    '10.0.0.0/8',
    '::1',
    'fe80::/10',
    '192.0.2.1',
  ]
  t.strictSame(destinations(good), good)
  for (const bad of [
    '',
    '*.',
    'a.*',
    '**',
    'a b',
    '-a',
    'a-',
    'http://a',
    'a:80',
    '10.0.0.0/33',
    'münchen.de',
  ]) {
    t.throws(
      () => destinations(['a', bad]),
      { message: /^test: services\[0\]\.rules\[0\]\.deny\.destinations\[1\]: expected / },
      bad,
    )
  }
  t.end()
})

void t.test('wishes for sockets', (t) => {
  t.match(service({ scheduler: 'roundrobin', pathManager: { name: 'fullmesh', optional: true } }), {
    scheduler: { name: 'roundrobin', optional: false },
    pathManager: { name: 'fullmesh', optional: true },
  })
  for (const [more, message] of [
    [
      { congestion: 'x'.repeat(16) },
      /congestion: expected a name of at most 15 letters, digits, _ \. -, found "x{16}"$/,
    ],
    [{ scheduler: 5 }, /scheduler: expected a name of at most 15 letters, digits, _ \. -, found 5$/],
    [
      { scheduler: { name: 'rr', optionl: true } },
      /scheduler: found the unknown key "optionl": did you mean optional\?$/,
    ],
    [{ scheduler: {} }, /scheduler\.name: expected a name of at most 15 .*, found nothing$/],
    [{ mark: -1 }, /mark: expected a whole number of 0 to 4294967295, found -1$/],
    [{ mark: 1.5 }, /mark: expected a whole number of 0 to 4294967295, found 1.5$/],
    [{ device: 'a/b' }, /device: expected the name of an interface, .*found "a\/b"$/],
    [
      { keepalive: { idle: 0, interval: 1, count: 1 } },
      /keepalive\.idle: expected a whole number of 1 to 32767, found 0$/,
    ],
    [{ sendBuffer: '1M' }, /sendBuffer: expected a whole number of 4096 to 1073741823, found "1M"$/],
    [{ backlog: 0 }, /backlog: expected a whole number of 1 to 65535, found 0$/],
    [{ reusePort: 'yes' }, /reusePort: expected true or false, found "yes"$/],
    [{ egress: { source: 'eth0' } }, /egress\.source: expected an IP address of this host, found "eth0"$/],
    [
      { mptcp: 'require' },
      /mptcp: expected preferred or required, found "require": did you mean required\?$/,
    ],
    [{ transport: 'udp' }, /transport: expected mptcp or tcp, found "udp"$/],
  ] as const) {
    t.throws(() => service(more), { code: 'MPTK_CONFIG', message }, JSON.stringify(more))
  }
  t.end()
})
