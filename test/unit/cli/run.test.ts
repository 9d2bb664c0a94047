// `mptk run` as a process: how it ends, and what it does without descriptors; the short forms.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SessionRecord } from '../../../proxy/session.js'
import { localRunner } from '../../../src/exec.js'
import { openDescriptors } from '../../support/proc-state.js'
import { start } from '../../support/process.js'
import { until } from '../../support/until.js'
import { echoServer, request, server, Talker } from '../proxy/host.js'
import { connected, NO_AUTH, page, running, through } from './running.js'

function recordsOf(stderr: string): SessionRecord[] {
  return stderr
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SessionRecord & { msg: string })
    .filter(({ msg }) => msg === 'session ended')
}

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
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { writeSync } = fs
    fs.writeSync = (fd, bytes) => {
      const count = writeSync(fd, bytes)
      if (String(bytes).includes(' on Linux ')) process.kill(process.pid, 'SIGTERM')
      return count
    }
    syncBuiltinESMExports()`
  const preload = `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(atOnce)}`
  const { command } = await running(t, {}, ['env', preload])
  t.match(await command.ended, { code: 0, signal: null })
})

void t.test('out of descriptors: no crash, and service again when there are some', async (t) => {
  const echo = await echoServer(t)
  const { command, socks, status } = await running(t)
  const { socket: before } = openDescriptors(command.pid)
  // taken away while it runs: from the beginning it would hold fewer connections
  const pid = String(command.pid)
  const limit = readdirSync(`/proc/${pid}/fd`).length + 40
  await localRunner.run(['prlimit', '--pid', pid, `--nofile=${limit}:`])
  const crowd = await Promise.all(
    Array.from({ length: 200 }, (_, i) => Talker.to(t, i % 2 === 0 ? socks : status)),
  )
  await command.stderr.find(/"msg":"accepting pauses for /)
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
  t.match(await near.up(), {
    try: `curl --socks5-hostname 127.0.0.1:${nearPort} https://www.debian.org/`,
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
