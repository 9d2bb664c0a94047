// The status address of `mptk run`.
import { once } from 'node:events'
import t from 'tap'
import { until } from '../../support/until.js'
import { echoServer, request, server, Talker } from '../proxy/host.js'
import { NO_AUTH, page, running, through } from './running.js'

void t.test('the status address', async (t) => {
  const echo = await echoServer(t)
  const { command, socks, status } = await running(t, { users: { alice: { password: 'hunter2' } } })
  const talker = await Talker.to(t, socks)
  talker.send(`050102 01 05 616c696365 07 68756e74657232 ${request('127.0.0.1', echo)} 6869`)
  t.match(await talker.take(16), /6869$/)
  // bytes are counted once they are sent
  await until('the bytes are counted', async () => {
    const { text } = await page(status, '/status')
    const { sessions } = JSON.parse(text) as { sessions: { up: number; down: number }[] }
    return sessions[0]?.up === 2 && sessions[0].down === 2 ? undefined : text
  })

  const answer = await page(status, '/status')
  t.match(answer, { code: 200, type: 'application/json' })
  const described = JSON.parse(answer.text) as object
  t.match(described, {
    version: /^\d+\.\d+\.\d+$/,
    kernel: { flavour: /^(upstream|out-of-tree|tcp-only)$/, mptcp: Boolean },
    services: [
      {
        name: 'socks5',
        type: 'socks5',
        egress: 'direct',
        warnings: [],
        listeners: [{ address: `127.0.0.1:${socks}`, protocol: /^(mptcp|tcp)$/ }],
      },
    ],
    sessionCount: 1,
    sessions: [
      {
        id: 1,
        service: 'socks5',
        state: 'relaying',
        user: 'alice',
        destination: `127.0.0.1:${echo}`,
        startedAt: /^\d{4}-.*Z$/,
        up: 2,
        down: 2,
        client: {
          address: /^127\.0\.0\.1:\d+$/,
          protocol: 'tcp',
          reason: String,
          subflows: [{ state: 'established' }],
        },
        remote: {
          address: `127.0.0.1:${echo}`,
          protocol: 'tcp',
          reason: String,
          subflows: [{ rtt: Number }],
        },
      },
    ],
  })

  t.match(await page(status, '/healthz'), { code: 200, type: 'text/plain', text: 'ok\n' })
  const metrics = await page(status, '/metrics')
  t.match(metrics, { code: 200, type: /^text\/plain; version=0\.0\.4/ })
  for (const line of metrics.text.split('\n')) {
    if (!/^$|^# (HELP|TYPE) \w+ |^\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+$/.test(line))
      t.fail(`not a metric: ${line}`)
  }
  t.match(metrics.text, /^mptk_sessions_active\{service="socks5",state="relaying"\} 1$/m)
  t.match(
    metrics.text,
    /^mptk_transports_total\{service="socks5",side="client",protocol="tcp",reason="[^"]+"\} 1$/m,
  )
  t.match(metrics.text, /^mptk_dial_seconds_count\{service="socks5"\} 1$/m)

  t.match(await page(status, '/status?pretty'), { code: 200 })
  t.match(await page(status, '/healthz', 'HEAD'), { code: 200, text: '' })
  t.match(await page(status, '/'), { code: 404, text: 'expected /status, /metrics or /healthz\n' })
  t.match(await page(status, '/status', 'POST'), { code: 405 })
  for (const host of ['localhost', `localhost:${status}`, '127.0.0.1', '[::1]:80']) {
    t.match(await page(status, '/status', 'GET', host), { code: 200 }, host)
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    `evil.example:${status}`,
  ]) {
    t.match(await page(status, '/status', 'GET', host), { code: 403 }, host)
  }

  talker.socket.end()
  await talker.rest()
  await until('the session ends', async () => {
    const { text } = await page(status, '/metrics')
    return text.includes('mptk_sessions_total{service="socks5",outcome="eof"} 1') ? undefined : 'counted'
  })
  const after = await page(status, '/metrics')
  t.match(after.text, 'mptk_relayed_bytes_total{service="socks5",direction="up"} 2')
  t.match(after.text, 'mptk_relayed_bytes_total{service="socks5",direction="down"} 2')

  command.signal('SIGTERM')
  const ended = await command.ended
  t.notMatch(ended.stdout + ended.stderr + answer.text + metrics.text, 'hunter2')
})

void t.test('a client that left while the proxy still dials does not break the status', async (t) => {
  const silent = await server(t, () => undefined)
  const { socks, status } = await running(t, through(silent))
  const talker = await Talker.to(t, socks)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', 80)}`)
  const sessions = async (): Promise<{ state: string }[]> => {
    const answer = await page(status, '/status')
    t.equal(answer.code, 200, 'the status answers')
    return (JSON.parse(answer.text) as { sessions: { state: string }[] }).sessions
  }
  await until('the proxy dials', async () =>
    (await sessions())[0]?.state === 'dialling' ? undefined : 'not dialling',
  )
  talker.socket.resetAndDestroy()
  await once(talker.socket, 'close')
  await until('the dial is withdrawn', async () =>
    (await sessions()).length === 0 ? undefined : 'the session is still there',
  )
})
