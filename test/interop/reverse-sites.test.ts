/**
 * One address, several sites: curl and openssl in front of the reverse proxy, an nginx server
 * with a certificate of its own behind each name.
 *
 *   client ─TLS─▶ sni ─▶ nginx one.example | *.two.example | the default
 *   client ─HTTP─▶ host ─▶ the same, unencrypted
 */
import t, { type Test } from 'tap'
import type { BuiltProxy } from '../support/built-proxy.js'
import { startProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { runTool, type ToolResult } from '../support/tools.js'
import { makeCertificate, startNginx, type Certificate } from './nginx.js'
import { withRecord } from './setting.js'

const PORTS = { sni: 8443, strict: 8444, host: 8080, strictHost: 8081, status: 9400 }
const BACKENDS = [
  { name: 'one.example', site: 'one.example', tls: 9441, plain: 9481 },
  { name: '*.two.example', site: '*.two.example', tls: 9442, plain: 9482 },
  { name: 'default.example', site: undefined, tls: 9443, plain: 9483 },
] as const
const [, , DEFAULT] = BACKENDS
/** What a client asks for, and who must answer. */
const ASKED = [
  ['one.example', 0],
  ['ONE.example', 0],
  ['a.two.example', 1],
  ['b.a.two.example', 1],
  ['default.example', 2],
] as const

function sites(kind: 'tls' | 'plain'): Record<string, string> {
  return Object.fromEntries(
    BACKENDS.flatMap((each) => (each.site === undefined ? [] : [[each.site, `127.0.0.1:${each[kind]}`]])),
  )
}

function start(t: Test): Promise<BuiltProxy> {
  const service = (name: keyof typeof PORTS, kind: 'tls' | 'plain', more: object = {}): object => ({
    type: 'reverse-tcp',
    name,
    listen: `127.0.0.1:${PORTS[name]}`,
    choose: kind === 'tls' ? 'sni' : 'host',
    sites: sites(kind),
    ...more,
  })
  return startProxy(t, {
    services: [
      service('sni', 'tls', { target: `127.0.0.1:${DEFAULT.tls}` }),
      service('strict', 'tls'),
      service('host', 'plain', { target: `127.0.0.1:${DEFAULT.plain}` }),
      service('strictHost', 'plain'),
    ],
    statusPort: PORTS.status,
  })
}

function startSites(t: Test, certificates: Certificate[]): Promise<void> {
  const blocks = BACKENDS.map(({ name, tls, plain }, index) => {
    const { certificate = '', key = '' } = certificates[index] ?? {}
    return `server {
      listen 127.0.0.1:${tls} ssl http2;
      listen 127.0.0.1:${plain};
      ssl_certificate ${certificate};
      ssl_certificate_key ${key};
      location / { return 200 "${name} answers $host by $server_protocol, TLS for '$ssl_server_name'\n"; }
    }`
  })
  return startNginx(t, blocks.join('\n'), DEFAULT.plain)
}

function curl(...args: string[]): Promise<ToolResult> {
  return runTool('curl', ['--silent', '--show-error', '--max-time', '50', ...args])
}

/** curl over TLS, whatever the name, to a port of the proxy; verified against one certificate. */
function overTls(
  host: string,
  port: number,
  { certificate }: Certificate,
  ...more: string[]
): Promise<ToolResult> {
  return curl('--cacert', certificate, '--connect-to', `::127.0.0.1:${port}`, ...more, `https://${host}/`)
}

async function checkNames(t: Test, proxy: BuiltProxy, certificates: Certificate[]): Promise<void> {
  for (const [host, index] of ASKED) {
    const backend = BACKENDS[index]
    const certificate = certificates[index]
    if (certificate === undefined) throw new Error('no certificate')
    for (const more of [['--http1.1'], ['--http2'], ['--tls-max', '1.2']]) {
      const get = (): Promise<ToolResult> => overTls(host, PORTS.sni, certificate, ...more)
      const { got, record } = await withRecord(proxy, 'sni', get)
      t.equal(got.code, 0, `${host} ${more.join(' ')}: ${got.stderr}`)
      const answer = `${backend.name} answers ${host.toLowerCase()} `
      t.equal(String(got.stdout).slice(0, answer.length), answer)
      t.match(record, { destination: `127.0.0.1:${backend.tls}`, outcome: 'eof' })
    }
    const url = `http://${host}:${PORTS.host}/`
    const { got, record } = await withRecord(proxy, 'host', () =>
      curl('--resolve', `${host}:${PORTS.host}:127.0.0.1`, url),
    )
    t.match(String(got.stdout), `${backend.name} answers ${host.toLowerCase()} by HTTP/1.1`)
    t.match(record, { destination: `127.0.0.1:${backend.plain}` })
  }
}

async function checkRefusals(t: Test, certificates: Certificate[]): Promise<void> {
  const [certificate] = certificates
  if (certificate === undefined) throw new Error('no certificate')
  const unknown = await overTls('three.example', PORTS.strict, certificate)
  t.equal(unknown.code, 35, 'CURLE_SSL_CONNECT_ERROR')
  t.match(unknown.stderr, /unrecognized name/)
  const client = (...args: string[]): Promise<ToolResult> =>
    runTool('openssl', ['s_client', '-connect', `127.0.0.1:${PORTS.strict}`, ...args])
  t.match((await client('-noservername')).stderr, /missing extension|alert number 109/)
  const host = `127.0.0.1:${PORTS.strictHost}`
  const misdirected = await curl('--include', '--header', 'Host: three.example', `http://${host}/`)
  t.match(String(misdirected.stdout), /^HTTP\/1.1 421 Misdirected Request\r\n/)
  const preface = await curl('--http2-prior-knowledge', `http://${host}/`)
  t.not(preface.code, 0, 'HTTP/2 without TLS names no site')
}

async function checkFragments(t: Test, certificates: Certificate[]): Promise<void> {
  const names = Array.from({ length: 200 }, (_, index) => `protocol-${index}`).join(',')
  const got = await runTool(
    'openssl',
    [
      ...['s_client', '-connect', `127.0.0.1:${PORTS.strict}`, '-servername', 'a.two.example'],
      ...['-alpn', names, '-max_send_frag', '512', '-msg', '-verify_return_error'],
      ...['-CAfile', certificates[1]?.certificate ?? '', '-verify_hostname', 'a.two.example'],
    ],
    { input: '' },
  )
  const shown = String(got.stdout)
  const hello = />>> TLS 1.\d, Handshake \[length ([0-9a-f]+)\], ClientHello/.exec(shown)
  t.ok(parseInt(hello?.[1] ?? '0', 16) > 2000, 'a ClientHello of several records')
  const [before = ''] = shown.split('<<<')
  t.ok((before.match(/>>> [^\n]*RecordHeader/g) ?? []).length >= 4)
  t.match(shown, 'Verify return code: 0 (ok)')
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('sites', async (t) => {
    const certificates: Certificate[] = []
    for (const { name } of BACKENDS) {
      const names = name === '*.two.example' ? [name, '*.a.two.example'] : [name]
      certificates.push(await makeCertificate(t, ...names))
    }
    await startSites(t, certificates)
    const proxy = await start(t)
    await t.test('each name has its backend', (t) => checkNames(t, proxy, certificates))
    await t.test('other names are refused', (t) => checkRefusals(t, certificates))
    await t.test('a ClientHello in several records', (t) => checkFragments(t, certificates))
    t.strictSame(proxy.complaints, [], 'no warning, no error')
  })
}
