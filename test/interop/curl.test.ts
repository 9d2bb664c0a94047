/** curl through SOCKS5: both ways to name a destination, both families, passwords, both directions, every failure. */
import t, { type Test } from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatAddress } from '../../src/address.js'
import type { BuiltProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { Random } from '../support/random.js'
import { runTool, sha256, type ToolResult } from '../support/tools.js'
import { NOWHERE, PORTS, startProxies, startWeb, USER, withRecord, type Web } from './setting.js'

/** CURLE_PROXY: "Proxy handshake error". */
const PROXY_ERROR = 97
const LOGIN = ['--proxy-user', `${USER.name}:${USER.password}`]

function curl(...args: string[]): Promise<ToolResult> {
  return runTool('curl', ['--silent', '--show-error', '--fail', '--max-time', '50', ...args])
}

const WAYS = [
  { service: 'open', proxy: (kind: string) => [kind, `127.0.0.1:${PORTS.open}`] },
  { service: 'users', proxy: (kind: string) => [kind, `127.0.0.1:${PORTS.users}`, ...LOGIN] },
  { service: 'chain', proxy: (kind: string) => [kind, `127.0.0.1:${PORTS.chain}`] },
]

async function checkTransfers(t: Test, proxy: BuiltProxy, web: Web): Promise<void> {
  const upload = new Random(41).bytes(6_000_001)
  for (const { service, proxy: through } of WAYS) {
    for (const kind of ['--socks5', '--socks5-hostname']) {
      for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
        const url = `http://${host}:${PORTS.web}${web.big.path}`
        const { got, record } = await withRecord(proxy, service, () => curl(...through(kind), url))
        t.equal(got.code, 0, `${service} ${kind} ${host}: ${got.stderr}`)
        t.equal(sha256(got.stdout), web.big.hash, 'the right bytes')
        const named = kind === '--socks5-hostname' && host === 'localhost'
        const destination = named ? { host, port: PORTS.web } : undefined
        t.match(record, {
          outcome: 'eof',
          ...(destination !== undefined && { destination: formatAddress(destination) }),
          ...(service === 'users' && { user: USER.name }),
        })
        t.ok((record?.down ?? 0) > web.big.size, 'the record counts the body and a header')
      }
      const name = `${service}${kind}`
      const url = `http://localhost:${PORTS.web}/upload/${name}`
      const args = ['--silent', '--show-error', '--fail', ...through(kind), '--upload-file', '-', url]
      const { got: put, record } = await withRecord(proxy, service, () =>
        runTool('curl', args, { input: upload }),
      )
      t.equal(put.code, 0, `${service} ${kind}, upload: ${put.stderr}`)
      t.equal(sha256(readFileSync(join(web.uploads, name))), sha256(upload), 'the right bytes')
      t.ok((record?.up ?? 0) > upload.length, 'the record counts them')
    }
  }
}

async function checkFailures(t: Test): Promise<void> {
  const failures: [what: string, url: string, code: number][] = [
    ['refused', `http://127.0.0.1:${PORTS.refused}/`, 5],
    ['refused over IPv6', `http://[::1]:${PORTS.refused}/`, 5],
    ['no route to the network', `http://${NOWHERE.network}/`, 3],
    ['no route to the host', `http://${NOWHERE.host}/`, 4],
    ['forbidden by a firewall', `http://${NOWHERE.prohibited}/`, 2],
    ['forbidden by the rules', `http://127.0.0.2:${PORTS.web}/`, 2],
    ['an unknown name', 'http://no-such-name.invalid/', 4],
  ]
  for (const { service, proxy: through } of WAYS) {
    for (const [what, url, code] of failures) {
      const got = await curl(...through('--socks5-hostname'), url)
      t.equal(got.code, PROXY_ERROR, `${service}, ${what}`)
      t.match(got.stderr, `(${code})`, `the reply code is ${code}`)
    }
  }
  const users = ['--socks5', `127.0.0.1:${PORTS.users}`]
  const url = `http://127.0.0.1:${PORTS.web}/`
  const wrong = await curl(...users, '--proxy-user', `${USER.name}:wrong`, url)
  t.equal(wrong.code, PROXY_ERROR, 'a wrong password')
  t.match(wrong.stderr, /rejected by the SOCKS5 server/)
  const anonymous = await curl(...users, url)
  t.equal(anonymous.code, PROXY_ERROR, 'no password')
  t.match(anonymous.stderr, /No authentication method was acceptable/)
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('curl', async (t) => {
    const web = await startWeb(t)
    const proxy = await startProxies(t)
    await t.test('transfers', (t) => checkTransfers(t, proxy, web))
    await t.test('failures', checkFailures)
  })
}
