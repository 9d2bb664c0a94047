// mptk status beside a running proxy, and what may be read without root.
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runningText } from '../../../src/cli/running-status.js'
import { run, start } from '../../support/process.js'

const root = process.getuid?.() === 0
/** A user who owns nothing and may do nothing. */
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--no-new-privs']

void t.test('of a running proxy', async (t) => {
  const folder = t.testdir({
    'mptk.yaml':
      'services: [{ type: socks5, listen: "127.0.0.1:0", upstream: { type: socks5, address: "127.0.0.1:1" } }]\nstatus: { listen: "127.0.0.1:0" }\n',
  })
  const proxy = start(t, ['run', '--config', join(folder, 'mptk.yaml')])
  const { port } = await proxy.addressOf('status')
  const args = ['status', '--state', join(folder, 'state'), '--status', `127.0.0.1:${port}`]
  const { code, stdout, stderr } = await run(t, args)
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(
    stdout,
    new RegExp(`^mptk \\S+ is running: 0 sessions \\(http://127\\.0\\.0\\.1:${port}/status\\)\n`),
  )
  t.match(stdout, /^ {2}socks5: 127\.0\.0\.1:\d+ \(\w+\) → socks5 127\.0\.0\.1:1$/m)
  t.match(stdout, /^ {4}upstream 127\.0\.0\.1:1: untried$/m)
  t.match(stdout, /\nnothing is applied here\n$/)
  const json = JSON.parse((await run(t, [...args, '--json'])).stdout) as object
  t.match(json, { state: 'none', running: { status: { sessionCount: 0 } } })
})

void t.test('where no proxy runs, and where another program does', async (t) => {
  const state = join(t.testdir(), 'state')
  const server = createServer((_, response) => response.end('{"hello":1}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = () => run(t, ['status', '--state', state, '--status', address])
  t.match(await ask(), { code: 1, stdout: /^no proxy answers at .*: another program answers there\n/ })
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  t.match(await ask(), {
    code: 1,
    stdout: /^no proxy answers at .*ECONNREFUSED.*\n\nnothing is applied here\n$/,
  })
})

void t.test('uplinks and what an upstream says of us', (t) => {
  const since = '2026-11-27T15:23:10.000Z'
  const text = runningText({
    url: 'http://127.0.0.1:9400/status',
    status: {
      version: '1',
      sessionCount: 1,
      uplinks: [{ name: 'wlan', role: 'normal', state: 'no carrier', since, addresses: [] }],
      services: [
        {
          name: 'socks5',
          egress: 'socks5 10.0.3.2:1080',
          listeners: [{ address: '127.0.0.1:1080', protocol: 'mptcp' }],
          upstream: {
            address: '10.0.3.2:1080',
            state: 'up',
            since,
            refused: {
              reason: 'password',
              since,
              error: 'the upstream proxy refused the password of "alice"',
            },
          },
        },
      ],
    },
  })
  t.match(text, /^mptk 1 is running: 1 session \(/)
  t.match(text, `\n  uplink wlan: no carrier since ${since}, normal, no address\n`)
  t.match(text, `refused: password since ${since}: the upstream proxy refused the password of "alice"\n`)
  t.end()
})

void t.test('without root', { skip: root ? false : 'needs root to become nobody' }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mptk-status-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const config = join(folder, 'mptk.yaml')
  const secret = join(folder, 'users.yaml')
  const users = `usersFile: ${secret}`
  writeFileSync(
    config,
    `services: [{ type: socks5, listen: "127.0.0.1:1080", ${users} }]\nhost: { setup: proxy }\n`,
    { mode: 0o644 },
  )
  writeFileSync(secret, 'alice: { password: secret }\n', { mode: 0o600 })
  const state = join(folder, 'state')
  mkdirSync(state, { mode: 0o700 })
  const nobody = { prefix: NOBODY }
  const plan = await run(t, ['plan', '--config', config, '--state', state], nobody)
  t.match(plan, { code: 0, stderr: '', stdout: /^\+ service mptk: /m })
  t.match(plan.stdout, /^warning: read without root: .* is shown as absent$/m)
  t.match(plan.stdout, /^warning: services\[0\]\.usersFile: cannot read \S+users\.yaml: EACCES/m)
  const status = await run(t, ['status', '--state', state, '--status', '127.0.0.1:1'], nobody)
  t.match(status, { code: 1, stdout: /\nwhat is applied here can be read by root only: sudo mptk status\n$/ })
  t.match(await run(t, ['apply', '--config', config, '--state', state], nobody), {
    code: 2,
    stderr: 'mptk: settings of a host are the business of root: run it as root\n',
  })
  const out = join(folder, 'out')
  mkdirSync(out, { mode: 0o777 })
  chmodSync(out, 0o777)
  const generated = await run(t, ['generate', 'systemd', '--config', config, '--out', out], nobody)
  t.match(generated, { code: 0, stderr: /^warning: read without root: /, stdout: /mptk\.service$/m })
})
