/**
 * The client's address as programs not written here read it from the PROXY protocol: nginx with
 * and without TLS, HAProxy with the name of the site, both versions, both families.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { scratchFolder } from '../support/scratch.js'
import { runTool, startServer } from '../support/tools.js'
import { makeCertificate, startNginx } from './nginx.js'

const PORTS = { plain: 9080, tls: 9443, haproxy: 9090, haproxyReady: 9091, status: 9400 }
const LISTEN = { v1: 8001, v2: 8002, tls: 8003, host: 8004, mapped: 8005 }
const SITE = 'www.example.org'
/** Addresses of this host that are not loopback: the client's, by family. */
const CLIENT = { ipv4: '198.51.100.7', ipv6: '2001:db8::7' }

async function startHaproxy(t: Test): Promise<void> {
  const file = join(scratchFolder(t), 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
       mode http
       timeout client 30s
       timeout connect 5s
       timeout server 30s
     frontend proxied
       bind 127.0.0.1:${PORTS.haproxy} accept-proxy
       http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority]\\n"
     frontend ready
       bind 127.0.0.1:${PORTS.haproxyReady}
       http-request return status 204
`,
  )
  await startServer(t, 'haproxy', ['-db', '-f', file], PORTS.haproxyReady)
}

async function startBackends(t: Test): Promise<string> {
  const { certificate, key } = await makeCertificate(t, SITE)
  const location = `location / {
    return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port\n";
  }
  location /real { return 200 "$remote_addr $remote_port\n"; }
  set_real_ip_from 127.0.0.1;
  real_ip_header proxy_protocol;`
  await startNginx(
    t,
    `server { listen 127.0.0.1:${PORTS.plain} proxy_protocol; ${location} }
     server {
       listen 127.0.0.1:${PORTS.tls} ssl proxy_protocol;
       ssl_certificate ${certificate};
       ssl_certificate_key ${key};
       ${location}
     }`,
    PORTS.plain,
  )
  await startHaproxy(t)
  return certificate
}

function services(): object[] {
  const service = (name: keyof typeof LISTEN, more: object): object => ({
    type: 'reverse-tcp',
    name,
    listen: [`127.0.0.1:${LISTEN[name]}`, `[::1]:${LISTEN[name]}`],
    ...more,
  })
  const sites = (port: number): Record<string, string> => ({ [SITE]: `127.0.0.1:${port}` })
  return [
    service('v1', { target: `127.0.0.1:${PORTS.plain}`, proxyProtocol: 'v1' }),
    service('v2', { target: `127.0.0.1:${PORTS.plain}`, proxyProtocol: 'v2' }),
    service('tls', { choose: 'sni', sites: sites(PORTS.tls), proxyProtocol: 'v2' }),
    service('host', { choose: 'host', sites: sites(PORTS.haproxy), proxyProtocol: 'v2' }),
    service('mapped', {
      listen: `[::]:${LISTEN.mapped}`,
      target: `127.0.0.1:${PORTS.plain}`,
      proxyProtocol: 'v2',
    }),
  ]
}

/** Asks through a proxy; the answer's words and the client's own port. */
async function ask(port: number, url: string, ...more: string[]): Promise<{ words: string[]; port: string }> {
  const got = await runTool('curl', [
    ...['--silent', '--show-error', '--max-time', '50', '--write-out', '%{local_port}'],
    ...['--connect-to', `::${url.includes('v6') ? '[::1]' : '127.0.0.1'}:${port}`, ...more, url],
  ])
  if (got.code !== 0) throw new Error(`curl ${url}: ${got.stderr}`)
  const [text = '', local = ''] = String(got.stdout).split('\n')
  return { words: text.trim().split(' '), port: local }
}

if (inOwnNetwork(t, import.meta.url)) {
  execFileSync('ip', ['address', 'add', `${CLIENT.ipv4}/32`, 'dev', 'lo'])
  execFileSync('ip', ['address', 'add', `${CLIENT.ipv6}/128`, 'dev', 'lo', 'nodad'])
  await t.test('the client is told to the backend', async (t) => {
    const certificate = await startBackends(t)
    const proxy = await startProxy(t, { services: services(), statusPort: PORTS.status })
    const from = (address: string): string[] => ['--interface', address]

    for (const version of ['v1', 'v2'] as const) {
      const port = String(LISTEN[version])
      const four = await ask(LISTEN[version], 'http://any/', ...from(CLIENT.ipv4))
      t.strictSame(four.words, [CLIENT.ipv4, four.port, '127.0.0.1', port], `${version}, IPv4`)
      const six = await ask(LISTEN[version], 'http://any/?v6', ...from(CLIENT.ipv6))
      t.strictSame(six.words, [CLIENT.ipv6, six.port, '::1', port], `${version}, IPv6`)
      const real = await ask(LISTEN[version], 'http://any/real', ...from(CLIENT.ipv4))
      t.strictSame(real.words, [CLIENT.ipv4, real.port], `${version}, as nginx's realip takes it`)
    }
    const mapped = await ask(LISTEN.mapped, 'http://any/', ...from(CLIENT.ipv4))
    t.strictSame(
      mapped.words,
      [CLIENT.ipv4, mapped.port, '127.0.0.1', String(LISTEN.mapped)],
      'IPv4 over [::]',
    )

    const tls = await ask(LISTEN.tls, `https://${SITE}/`, ...from(CLIENT.ipv4), '--cacert', certificate)
    t.strictSame(
      tls.words,
      [CLIENT.ipv4, tls.port, '127.0.0.1', String(LISTEN.tls)],
      'before the TLS handshake',
    )

    for (const [address, query] of [
      [CLIENT.ipv4, ''],
      [CLIENT.ipv6, '?v6'],
    ] as const) {
      const { words, port } = await ask(LISTEN.host, `http://WWW.example.org/${query}`, ...from(address))
      const local = query === '' ? '127.0.0.1' : '::1'
      t.strictSame(
        words,
        [address, port, local, String(LISTEN.host), SITE],
        `HAProxy reads the site, ${address}`,
      )
    }
    t.strictSame(proxy.complaints, [], 'no warning, no error')
  })
}
