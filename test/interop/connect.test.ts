/**
 * Programs that know HTTP proxies and nothing of SOCKS: curl, wget, git and Chromium with the
 * PAC file, in front of nginx.
 *
 *   program ─▶ chain (HTTP) ─▶ open (SOCKS5) ─▶ nginx      users asks for a password
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SessionRecord } from '../../proxy/session.js'
import { startProxy, type BuiltProxy } from '../support/built-proxy.js'
import { openBrowser } from '../support/chromium.js'
import { inOwnNetwork } from '../support/own-network.js'
import { Random } from '../support/random.js'
import { scratchFolder } from '../support/scratch.js'
import { runTool, sha256, type ToolResult } from '../support/tools.js'
import { until } from '../support/until.js'
import { makeCertificate, startNginx } from './nginx.js'
import { USER, withRecord } from './setting.js'

const PORTS = {
  open: 1080,
  chain: 3128,
  users: 3129,
  socksFirst: 3130,
  web: 8080,
  tls: 8443,
  refused: 7001,
  status: 9400,
}
/** Addresses of this host that are neither loopback nor local to anybody's eyes; the last one is a LAN's. */
const WEB = { far: '198.51.100.10', excepted: '198.51.100.20', near: '10.9.9.9' }
const LOGIN = ['--proxy-user', `${USER.name}:${USER.password}`]
const proxyAt = (name: 'chain' | 'users' | 'socksFirst'): string => `http://127.0.0.1:${PORTS[name]}`

interface Web {
  certificate: string
  big: Buffer
  root: string
}

async function startWeb(t: Test): Promise<Web> {
  const root = scratchFolder(t)
  for (const folder of ['files', 'upload']) mkdirSync(join(root, folder))
  const big = new Random(43).bytes(8_000_001)
  writeFileSync(join(root, 'files', 'big'), big)
  const { certificate, key } = await makeCertificate(t, WEB.far)
  await startNginx(
    t,
    `server {
      listen 0.0.0.0:${PORTS.web};
      listen 0.0.0.0:${PORTS.tls} ssl http2;
      ssl_certificate ${certificate};
      ssl_certificate_key ${key};
      client_max_body_size 100m;
      location / { root ${root}/files; }
      location /upload/ { root ${root}; dav_methods PUT; }
      location = /seen {
        default_type text/html;
        return 200 "<p>$request_method $http_host via=$http_via secret=$http_proxy_authorization$http_x_hop";
      }
    }`,
    PORTS.web,
  )
  return { certificate, big, root }
}

function start(t: Test): Promise<BuiltProxy> {
  const rules = [{ allow: { destinations: ['198.51.100.0/24', '10.9.9.9'] } }]
  const service = (type: string, name: keyof typeof PORTS, more: object): object => ({
    type,
    name,
    listen: `127.0.0.1:${PORTS[name]}`,
    rules,
    ...more,
  })
  const upstream = { type: 'socks5', address: `127.0.0.1:${PORTS.open}` }
  return startProxy(t, {
    services: [
      service('socks5', 'open', {}),
      service('connect', 'chain', {
        upstream,
        upstreamFor: { policy: 'except', destinations: [WEB.excepted, '*.excepted.example'] },
      }),
      service('connect', 'users', { users: { [USER.name]: { password: USER.password } } }),
      service('connect', 'socksFirst', { pac: { socks: `127.0.0.1:${PORTS.open}` } }),
    ],
    statusPort: PORTS.status,
  })
}

function curl(...args: string[]): Promise<ToolResult> {
  return runTool('curl', ['--silent', '--show-error', '--max-time', '50', ...args])
}

async function checkCurl(t: Test, proxy: BuiltProxy, web: Web): Promise<void> {
  const plain = `http://${WEB.far}:${PORTS.web}`
  const ways: [string, string[]][] = [
    ['absolute-form', [`${plain}/big`]],
    ['CONNECT', ['--proxytunnel', `${plain}/big`]],
    ['CONNECT and TLS', ['--cacert', web.certificate, `https://${WEB.far}:${PORTS.tls}/big`]],
  ]
  for (const [what, args] of ways) {
    for (const [service, login] of [
      ['chain', []],
      ['users', LOGIN],
    ] as const) {
      const get = (): Promise<ToolResult> => curl('--fail', '--proxy', proxyAt(service), ...login, ...args)
      const { got, record } = await withRecord(proxy, service, get)
      t.equal(got.code, 0, `${what} by ${service}: ${got.stderr}`)
      t.equal(sha256(got.stdout), sha256(web.big), 'the right bytes')
      t.match(record, { outcome: 'eof', ...(service === 'users' && { user: USER.name }) })
    }
  }
  for (const [what, more] of [
    ['a length', []],
    ['chunks', ['--header', 'Transfer-Encoding: chunked']],
  ] as const) {
    const name = what.replace(' ', '-')
    const put = await runTool(
      'curl',
      [
        ...[
          '--silent',
          '--show-error',
          '--fail',
          '--proxy',
          proxyAt('chain'),
          '--header',
          'Expect: 100-continue',
        ],
        ...[
          ...more,
          '--upload-file',
          what === 'chunks' ? '-' : join(web.root, 'files', 'big'),
          `${plain}/upload/${name}`,
        ],
      ],
      { input: what === 'chunks' ? web.big : '' },
    )
    t.equal(put.code, 0, `upload with ${what}: ${put.stderr}`)
    t.equal(sha256(readFileSync(join(web.root, 'upload', name))), sha256(web.big), 'the right bytes')
  }
  const head = await curl('--head', '--proxy', proxyAt('chain'), `${plain}/big`)
  t.match(String(head.stdout), `Content-Length: ${web.big.length}`)
  const hop = ['--header', 'Connection: X-Hop', '--header', 'X-Hop: 1']
  const seen = await curl('--proxy', proxyAt('users'), ...LOGIN, ...hop, `${plain}/seen`, `${plain}/seen`)
  const once = `<p>GET ${WEB.far}:${PORTS.web} via=1.1 mptk secret=`
  t.equal(
    String(seen.stdout),
    once + once,
    'twice in one command, and nothing told that is not for the server',
  )
}

async function checkFailures(t: Test): Promise<void> {
  const code = async (...args: string[]): Promise<string> =>
    String(
      (await curl('--output', '/dev/null', '--write-out', '%{http_connect} %{http_code}', ...args)).stdout,
    )
  const chain = ['--proxy', proxyAt('chain')]
  const far = `${WEB.far}:${PORTS.web}`
  t.equal(await code(...chain, `http://${WEB.far}:${PORTS.refused}/`), '000 502')
  t.equal(await code(...chain, '--proxytunnel', `http://${WEB.far}:${PORTS.refused}/`), '502 000')
  t.equal(await code(...chain, 'http://127.0.0.1:80/'), '000 403', 'told by the upstream')
  t.equal(
    await code('--proxy', proxyAt('users'), ...LOGIN, '--proxytunnel', 'http://127.0.0.1:80/'),
    '403 000',
  )
  t.equal(await code('--proxy', proxyAt('users'), `http://${far}/`), '000 407')
  t.equal(await code('--proxy', proxyAt('users'), '--proxytunnel', `http://${far}/`), '407 000')
  const wrong = ['--proxy', proxyAt('users'), '--proxy-user', `${USER.name}:wrong`]
  t.equal(await code(...wrong, '--proxytunnel', `http://${far}/`), '407 000')
}

async function checkOthers(t: Test, proxy: BuiltProxy, web: Web): Promise<void> {
  const http_proxy = `http://${USER.name}:${USER.password}@127.0.0.1:${PORTS.users}`
  const got = await withRecord(proxy, 'users', () =>
    runTool('wget', ['--quiet', '--output-document=-', `http://${WEB.far}:${PORTS.web}/big`], {
      env: { http_proxy },
    }),
  )
  t.equal(sha256(got.got.stdout), sha256(web.big), `wget: ${got.got.stderr}`)

  const [work, bare] = [scratchFolder(t), join(web.root, 'files', 'repository.git')]
  const git = async (args: string[], env: Record<string, string> = {}): Promise<string> => {
    const result = await runTool('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      env,
    })
    if (result.code !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderr}`)
    return String(result.stdout)
  }
  await git(['init', '--quiet', work])
  await git(['-C', work, 'commit', '--quiet', '--allow-empty', '--message=first'])
  await git(['clone', '--quiet', '--bare', work, bare])
  await git(['-C', bare, 'update-server-info'])
  const clone = join(scratchFolder(t), 'clone')
  const before = proxy.records.length
  const url = `https://${WEB.far}:${PORTS.tls}/repository.git`
  await git(['clone', '--quiet', url, clone], { https_proxy: http_proxy, GIT_SSL_CAINFO: web.certificate })
  t.equal(await git(['-C', clone, 'log', '--format=%s']), 'first\n', 'git')
  // git offers its password only after it was asked for one
  const tunnel = { service: 'users', user: USER.name, destination: `${WEB.far}:${PORTS.tls}` }
  await until('the session of git ends', () => {
    const found = proxy.records.slice(before).some((record) => isSession(record, tunnel))
    return found ? undefined : JSON.stringify(proxy.records.slice(before))
  })
}

function isSession(record: SessionRecord, wanted: Partial<SessionRecord>): boolean {
  const { service, user, destination } = wanted
  return record.service === service && record.user === user && record.destination === destination
}

async function checkBrowser(t: Test, proxy: BuiltProxy): Promise<void> {
  const asked: [string, string, 'chain' | 'open' | undefined][] = [
    ['chain', `http://${WEB.far}:${PORTS.web}/seen`, 'chain'],
    ['chain', `https://${WEB.far}:${PORTS.tls}/seen`, 'chain'],
    ['chain', `http://${WEB.excepted}:${PORTS.web}/seen`, undefined],
    ['chain', `http://${WEB.near}:${PORTS.web}/seen`, undefined],
    ['chain', `http://www.excepted.example:${PORTS.web}/seen`, undefined],
    ['chain', `http://printer:${PORTS.web}/seen`, undefined],
    ['socksFirst', `http://${WEB.far}:${PORTS.web}/seen`, 'open'],
    ['socksFirst', `http://${WEB.near}:${PORTS.web}/seen`, undefined],
  ]
  for (const service of ['chain', 'socksFirst'] as const) {
    const start = proxy.records.length
    const browser = await openBrowser(
      t,
      `--proxy-pac-url=${proxyAt(service)}/proxy.pac`,
      '--ignore-certificate-errors',
      `--host-resolver-rules=MAP www.excepted.example ${WEB.far},MAP printer ${WEB.near}`,
    )
    const pages = asked.filter(([of]) => of === service)
    for (const [, url, through] of pages) {
      const page = await browser.open(new URL(url), { width: 800 })
      const shown = await page.evaluate<string>('document.body.innerText')
      const via = through === 'chain' && url.startsWith('http:') ? '1.1 mptk' : ''
      t.equal(shown.trim(), `GET ${new URL(url).host} via=${via} secret=`.trim(), `${service}: ${url}`)
    }
    await browser.close()
    const through = pages.flatMap(([, url, by]) =>
      by === undefined ? [] : [`${by} to ${new URL(url).host}`],
    )
    await until(`the sessions of ${service} end`, () => {
      const seen = sessionsTo(proxy.records.slice(start))
      const missing = [...through, `${service} answered`].filter((each) => !seen.includes(each))
      return missing.length === 0 ? undefined : `without ${missing.join(', ')}`
    })
    const hosts = [...Object.values(WEB).slice(1), 'www.excepted.example', 'printer']
    const seen = sessionsTo(proxy.records.slice(start))
    t.strictSame(
      seen.filter((each) => hosts.some((host) => each.includes(host))),
      [],
      'what goes straight never went through',
    )
  }
}

/** `chain to 198.51.100.10:8080`, `chain answered`. */
function sessionsTo(records: SessionRecord[]): string[] {
  return records.map(({ service, destination, outcome }) =>
    destination === undefined ? `${service} ${outcome}` : `${service} to ${destination}`,
  )
}

if (inOwnNetwork(t, import.meta.url)) {
  for (const address of Object.values(WEB)) {
    execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  }
  await t.test('the HTTP proxy', async (t) => {
    const web = await startWeb(t)
    const proxy = await start(t)
    await t.test('curl', (t) => checkCurl(t, proxy, web))
    await t.test('failures, as curl sees them', checkFailures)
    await t.test('wget and git', (t) => checkOthers(t, proxy, web))
    await t.test('Chromium by the PAC file', (t) => checkBrowser(t, proxy))
    t.strictSame(proxy.complaints, [], 'no warning, no error')
  })
}
