/** What stands when nothing is written, and what the embedded configuration adds. */
import t from 'tap'
import { DEFAULT_CONFIG } from '../../../src/config/defaults.js'
import { checkConfig } from '../../../src/config/load.js'
import { reverse, socks5, transparent } from './minimal.js'

void t.test('defaults', (t) => {
  const keepalive = { idle: 60, interval: 10, count: 6 }
  const common = {
    transport: 'mptcp',
    mptcp: 'preferred',
    congestion: 'auto',
    keepalive,
    limits: {},
    timeouts: { handshake: 10_000, dial: 30_000, idle: 10_800_000, halfClosed: 300_000, stalled: 60_000 },
    egress: { transport: 'tcp', mptcp: 'preferred', congestion: 'auto', keepalive },
  }
  t.strictSame(checkConfig(socks5(), 'test'), {
    services: [
      {
        ...common,
        type: 'socks5',
        listen: [{ address: '127.0.0.1', port: 1080 }],
        anonymous: false,
        rules: [],
      },
    ],
    log: { level: 'info', format: 'auto' },
    relay: {},
  })
  t.strictSame(checkConfig(reverse(), 'test').services, [
    {
      ...common,
      type: 'reverse-tcp',
      listen: [{ address: '127.0.0.1', port: 80 }],
      target: { host: '10.0.0.1', port: 80 },
    },
  ])
  const { services } = checkConfig(
    socks5({ upstream: { type: 'socks5', address: 'p.example:1080' } }),
    'test',
  )
  t.match(services[0], {
    upstream: {
      address: { host: 'p.example', port: 1080 },
      transport: 'mptcp',
      mptcp: 'preferred',
      congestion: 'auto',
      keepalive,
      whenUnreachable: 'refuse',
      connectTimeout: 5000,
    },
  })
  t.strictSame(checkConfig(transparent(), 'test').services, [
    {
      ...common,
      type: 'transparent',
      listen: [{ address: '0.0.0.0', port: 5201 }],
      transport: 'tcp',
      intercept: 'redirect',
      rules: [],
    },
  ])
  t.end()
})

void t.test('the embedded configuration', (t) => {
  const { services, status } = checkConfig(DEFAULT_CONFIG, 'default configuration')
  t.match(services, [{ type: 'socks5', transport: 'mptcp', egress: { transport: 'mptcp' } }])
  t.strictSame(status, { listen: { address: '127.0.0.1', port: 9400 } })
  t.end()
})
