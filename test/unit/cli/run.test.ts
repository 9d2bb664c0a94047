// `mptk run` as a process: what it prints, its status address, and how it ends.
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SessionRecord } from '../../../proxy/session.js'
import { openDescriptors } from '../../support/proc-state.js'
import { start, type Command } from '../../support/process.js'
import { until } from '../../support/until.js'
import { echoServer, request, server, Talker } from '../proxy/host.js'

const NO_AUTH = '05 01 00'

interface Page {
  code: number
  type: string
  text: string
}

async function page(port: number, path: string, method = 'GET', host = `127.0.0.1:${port}`): Promise<Page> {
  const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { code: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }
}

interface Running {
  command: Command
  socks: number
  status: number
}

/** One SOCKS5 service that may reach loopback, and a status address. */
async function running(t: Test, service: object = {}, prefix: string[] = []): Promise<Running> {
  const file = join(
    t.testdir({
      // YAML reads JSON
      'mptk.yaml': JSON.stringify({
        services: [
          {
            type: 'socks5',
            listen: '127.0.0.1:0',
            rules: [{ allow: { destinations: '127.0.0.0/8' } }],
            ...service,
          },
        ],
        status: { listen: '127.0.0.1:0' },
        log: { format: 'json' },
      }),
    }),
    'mptk.yaml',
  )
  const command = start(t, ['run', '--config', file], { prefix })
  const [socks, status] = await Promise.all([command.addressOf('socks5'), command.addressOf('status')])
  return { command, socks: socks.port, status: status.port }
}

async function connected(t: Test, socks: number, port: number): Promise<Talker> {
  const talker = await Talker.to(t, socks)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', port)} 6869`)
  t.match(await talker.take(14), /^0500050000017f000001....6869$/)
  return talker
}

/** Of a service whose upstream may take its time: it dials until the test ends that. */
function through(port: number): object {
  const upstream = { type: 'socks5', address: `127.0.0.1:${port}`, connectTimeout: '5m' }
  return { upstream, timeouts: { dial: '5m' } }
}

function recordsOf(stderr: string): SessionRecord[] {
  return stderr
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SessionRecord)
}

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
  for (let i = 0; i < 5; i++) t.match(await sessions(), [{ state: 'dialling' }])
})

/** Ends with code 0, every client cut off, and a record for each on standard error; then the process is gone. */
async function stops(t: Test, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  const echo = await echoServer(t)
  const silent = await server(t, () => undefined)
  const near = await running(t, through(silent))
  const far = await running(t)
  const relaying = [await connected(t, far.socks, echo), await connected(t, far.socks, echo)]
  const greeted = await Talker.to(t, far.socks)
  t.equal(await greeted.send(NO_AUTH).take(2), '0500')
  const dialling = await Talker.to(t, near.socks)
  t.equal(await dialling.send(`${NO_AUTH} ${request('127.0.0.1', 80)}`).take(2), '0500')
  await until('the near proxy dials', async () => {
    const { text } = await page(near.status, '/metrics')
    return text.includes('mptk_sessions_active{service="socks5",state="dialling"} 1') ? undefined : text
  })

  for (const { command } of [near, far]) command.signal(signal)
  const [nearEnd, farEnd] = await Promise.all([near.command.ended, far.command.ended])
  t.match(nearEnd, { code: 0, signal: null })
  t.match(farEnd, { code: 0, signal: null })
  t.match(recordsOf(nearEnd.stderr), [{ outcome: 'unreachable', error: 'the service is stopping' }])
  const outcomes = recordsOf(farEnd.stderr).map(({ outcome, up, down }) => `${outcome} ${up} ${down}`)
  t.strictSame(outcomes.sort(), ['aborted 2 2', 'aborted 2 2', 'handshake 0 0'])
  for (const talker of relaying) t.equal(await talker.rest(), 'reset', 'a cut is no end')
  await greeted.rest()
  await dialling.rest()
}

void t.test('SIGTERM with connections in every state', (t) => stops(t, 'SIGTERM'))
void t.test('SIGINT with connections in every state', (t) => stops(t, 'SIGINT'))

void t.test('a signal as soon as the banner is there', async (t) => {
  const atOnce = `
    const log = console.log
    console.log = (text) => {
      log(text)
      process.kill(process.pid, 'SIGTERM')
    }`
  const preload = `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(atOnce)}`
  const { command } = await running(t, {}, ['env', preload])
  t.match(await command.ended, { code: 0, signal: null })
})

void t.test('out of descriptors: no crash, and service again when there are some', async (t) => {
  const echo = await echoServer(t)
  const { command, socks, status } = await running(t, {}, ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'])
  const { socket: before } = openDescriptors(command.pid)
  const crowd = await Promise.all(
    Array.from({ length: 200 }, (_, i) => Talker.to(t, i % 2 === 0 ? socks : status)),
  )
  await command.stderr.find(/"msg":"accepting pauses"/)
  for (const talker of crowd) talker.socket.destroy()
  await until('the crowd is gone', () => {
    const { socket } = openDescriptors(command.pid)
    return socket === before ? undefined : `${socket} sockets, ${before} before`
  })
  const after = await connected(t, socks, echo)
  t.match(await page(status, '/healthz'), { code: 200 })
  after.socket.destroy()
  command.signal('SIGTERM')
  t.match(await command.ended, { code: 0 })
})

void t.test('the short forms of one service', async (t) => {
  const echo = await echoServer(t)
  const folder = t.testdir({ 'users.yaml': 'alice: { password: hunter2 }', password: 'hunter2\n' })
  const reverse = start(t, [
    'reverse',
    '--listen',
    '127.0.0.1:0',
    '--target',
    `127.0.0.1:${echo}`,
    '--congestion',
    'reno',
  ])
  const { port } = await reverse.addressOf('reverse-tcp')
  t.equal(await (await Talker.to(t, port)).send('6869').take(2), '6869')

  const far = start(t, [
    'socks5',
    '--listen',
    '127.0.0.1:0',
    '--users-file',
    join(folder, 'users.yaml'),
    '--transport',
    'tcp',
  ])
  const farPort = (await far.addressOf('socks5')).port
  const upstream = [
    '--upstream',
    `127.0.0.1:${farPort}`,
    '--username',
    'alice',
    '--password-file',
    join(folder, 'password'),
  ]
  const near = start(t, ['socks5', '--listen', '127.0.0.1:0', '--status', '127.0.0.1:0', ...upstream])
  const nearPort = (await near.addressOf('socks5')).port
  await near.addressOf('status')
  t.match(await near.stdout.find(/^try: /), {
    input: `try: curl --socks5-hostname 127.0.0.1:${nearPort} https://www.debian.org/`,
  })
  const talker = await Talker.to(t, nearPort)
  // the near end sends names on unresolved; the far end protects its loopback
  talker.send(`${NO_AUTH} ${request('localhost', echo)}`)
  t.equal(
    await talker.rest(),
    '050005020001000000000000',
    'refused by the far end, so the password was right',
  )

  for (const command of [reverse, near, far]) {
    command.signal('SIGTERM')
    const { code, stdout, stderr } = await command.ended
    t.equal(code, 0)
    t.notMatch(stdout + stderr, 'hunter2')
  }
})
