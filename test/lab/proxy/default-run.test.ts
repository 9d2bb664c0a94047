/**
 * `mptk run` as it comes, with and without MPTCP in its namespace:
 * ```
 *   proxy and curl ── 10.98.1.1 ════ 10.98.1.2 ── web
 * ```
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join as joinPath } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import type { SessionRecord } from '../../../proxy/session.js'
import { join, Namespace } from '../../support/netns.js'
import { run, start, type Command } from '../../support/process.js'
import { until } from '../../support/until.js'

const WEB_PORT = 8080
const PAGE = 'a page of the web server'

interface Site {
  proxy: Namespace
  curl: (...args: string[]) => string
}

async function site(t: Test): Promise<Site> {
  const proxy = new Namespace(t, 'proxy')
  const web = new Namespace(t, 'web')
  join(proxy, web, 1, '10.98.1')
  const program = `require('http').createServer((_, r) => r.end('${PAGE}')).listen(${WEB_PORT}, () => console.log('up'))`
  const server = spawn('ip', [...web.prefix.slice(1), process.execPath, '-e', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    server.kill()
    await once(server, 'close')
  })
  await once(createInterface({ input: server.stdout }), 'line')
  return { proxy, curl: (...rest) => proxy.run('curl', '-sS', '--max-time', '20', ...rest) }
}

async function oneRecord(command: Command): Promise<SessionRecord> {
  const { input } = await command.stderr.find(/"msg":"session ended"/)
  return JSON.parse(input) as SessionRecord
}

void t.test('with MPTCP', async (t) => {
  const { proxy, curl } = await site(t)
  const command = start(t, ['run'], { prefix: proxy.prefix })
  t.strictSame(await command.addressOf('status'), { host: '127.0.0.1', port: 9400 })
  t.match(await command.up(), {
    level: 'info',
    msg: /^mptk \d+\.\d+\.\d+ on Linux \S+: MPTCP as in upstream Linux$/,
    listeners: [{ service: 'socks5', listen: '127.0.0.1:1080', protocol: 'mptcp', egress: 'direct' }],
    status: 'http://127.0.0.1:9400/status',
    try: /^curl --socks5-hostname 127\.0\.0\.1:1080 https:\/\//,
  })

  t.equal(curl('--socks5-hostname', '127.0.0.1:1080', `http://10.98.1.2:${WEB_PORT}/`), PAGE)
  t.match(await oneRecord(command), {
    outcome: 'eof',
    destination: `10.98.1.2:${WEB_PORT}`,
    client: { protocol: 'tcp' },
  })
  // this host is protected: its loopback, and its own address
  for (const address of ['127.0.0.1:9400', '10.98.1.1:9400', 'localhost:9400']) {
    t.throws(
      () => curl('--socks5-hostname', '127.0.0.1:1080', `http://${address}/status`),
      { message: /\(2\)/ },
      address,
    )
  }
  const status = (): { sessionCount: number } =>
    JSON.parse(curl('http://127.0.0.1:9400/status')) as { sessionCount: number }
  // one that is refused lasts until its client has gone
  await until('no session is left', () => {
    const { sessionCount } = status()
    return sessionCount === 0 ? undefined : `${sessionCount} sessions`
  })
  t.match(status(), { kernel: { mptcp: true }, sessionCount: 0 })

  command.signal('SIGTERM')
  t.match(await command.ended, { code: 0, signal: null })

  // the status on an address of a LAN: no web site reads it by a name of its own
  const inLan = start(t, ['socks5', '--status', '10.98.1.1:9400'], { prefix: proxy.prefix })
  await inLan.up()
  const asked = (host: string): string =>
    curl('-o', '/dev/null', '-w', '%{http_code}', '-H', `Host: ${host}`, 'http://10.98.1.1:9400/status')
  t.strictSame(['10.98.1.1:9400', 'localhost', 'evil.example'].map(asked), ['200', '200', '403'])
})

void t.test('with MPTCP off in the namespace', async (t) => {
  const { proxy, curl } = await site(t)
  proxy.setSysctl('net.mptcp.enabled', 0)
  const command = start(t, ['run'], { prefix: proxy.prefix })
  await command.addressOf('status')
  t.match(
    await command.up(),
    {
      msg: /: MPTCP as in upstream Linux, not in use: .*net\.mptcp\.enabled/,
      listeners: [{ listen: '127.0.0.1:1080', protocol: 'tcp', reason: /net\.mptcp\.enabled/ }],
    },
    'it says so, with the reason',
  )
  t.equal(
    curl('--socks5-hostname', '127.0.0.1:1080', `http://10.98.1.2:${WEB_PORT}/`),
    PAGE,
    'it works over TCP',
  )
  t.match(await oneRecord(command), {
    outcome: 'eof',
    client: { protocol: 'tcp', reason: /net\.mptcp\.enabled/ },
    remote: { protocol: 'tcp', reason: /net\.mptcp\.enabled/ },
  })
  t.match(JSON.parse(curl('http://127.0.0.1:9400/status')), {
    kernel: { mptcp: false, reason: /net\.mptcp\.enabled/ },
    services: [{ listeners: [{ protocol: 'tcp', reason: /net\.mptcp\.enabled/ }] }],
  })
  command.signal('SIGINT')
  t.match(await command.ended, { code: 0, signal: null })
})

void t.test('MPTCP required where it is off: one line, and no start', async (t) => {
  const proxy = new Namespace(t, 'off')
  proxy.setSysctl('net.mptcp.enabled', 0)
  const service = 'type: socks5, listen: "127.0.0.1:1080"'
  const folder = t.testdir({
    'listen.yaml': `services: [{ ${service}, mptcp: required }]`,
    'egress.yaml': `services: [{ ${service}, egress: { transport: mptcp, mptcp: required } }]`,
    'upstream.yaml': `services: [{ ${service}, upstream: { type: socks5, address: "10.0.0.1:1080", mptcp: required } }]`,
  })
  for (const file of ['listen.yaml', 'egress.yaml', 'upstream.yaml']) {
    const ended = await run(t, ['run', '--config', joinPath(folder, file)], { prefix: proxy.prefix })
    t.match(ended, { code: 1, signal: null, stdout: '' }, file)
    t.match(ended.stderr, /^mptk: [^\n]*required[^\n]*net\.mptcp\.enabled[^\n]*\n$/, file)
  }
})
