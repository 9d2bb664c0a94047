// measures
/**
 * Model 1, web servers behind a reverse proxy: `mptk apply` with the shipped example on the proxy,
 * a DNS server that answers with the proxy's addresses, a client whose system has MPTCP.
 *
 * ```
 *   curl on phone ══wlan + cell══▶ mptk on proxy ─TCP, PROXY protocol─▶ two sites of nginx on web
 * ```
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { LabHost } from '../../../mininet/lab-host.js'
import {
  alone,
  applied,
  asked,
  bonds,
  CONFIG,
  mptk,
  received,
  startDns,
  startModels,
  startNginx,
} from '../../support/models.js'

const SITES = ['www.example.org', 'shop.example.org']
const MPTCP = ['mptcpize', 'run', 'curl']
/** Nobody asks for a certificate of a lab. */
const ANY_CERTIFICATE = '--insecure'
const ZONE_LINE = /zone line: (\S+)\. \d+ IN (?:A|AAAA) (\S+)$/gm

/** The sites' own servers, as the example says that they must be: they hear from the proxy who asks. */
function servers(folder: string): string {
  return SITES.map(
    (site, n) => `
  server {
    listen ${8080 + n} proxy_protocol;
    listen ${8443 + n} ssl proxy_protocol;
    server_name ${site};
    ssl_certificate ${folder}/${site}.pem;
    ssl_certificate_key ${folder}/${site}.key;
    set_real_ip_from 10.0.3.2;
    real_ip_header proxy_protocol;
    root ${folder}/www;
    location = /who { return 200 ${site}; }
  }`,
  ).join('\n')
}

function certificates(folder: string): void {
  for (const site of SITES) {
    const [key, certificate] = [join(folder, `${site}.key`), join(folder, `${site}.pem`)]
    const words = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-subj', `/CN=${site}`]
    execFileSync(
      'openssl',
      ['req', '-x509', '-nodes', '-days', '2', ...words, '-keyout', key, '-out', certificate],
      { stdio: 'ignore' },
    )
  }
}

void t.test('web servers behind a reverse proxy', { timeout: 300_000 }, async (t) => {
  const models = await startModels(t)
  const { lab, folder } = models
  const [phone, proxy] = [lab.host('phone'), lab.host('proxy')] as [LabHost, LabHost]
  const get = async (argv: readonly string[], url: string): Promise<string> => {
    return (await phone.run([...argv, '-sS', '--fail', '--max-time', '30', url])).stdout
  }
  certificates(folder)
  await startNginx(models, servers(folder))
  const old = await startDns(models, [['www.example.org', '10.0.3.3']])
  const there = await applied(t, proxy, 'reverse')

  await t.test('says what DNS shall answer, and whether it does', async (t) => {
    const before = (await mptk(proxy, 'plan', '--config', CONFIG)).stdout
    t.match(before, /www\.example\.org leads to 10\.0\.3\.3: expected 10\.0\.3\.2, /)
    t.match(before, /shop\.example\.org has no address in DNS: /)
    const zone = [...before.matchAll(ZONE_LINE)].map(
      ([, name = '', address = '']) => [name, address] as const,
    )
    t.equal(zone.length, 8, 'two sites, two lines of the proxy, IPv4 and IPv6')
    await old()
    await startDns(models, zone)
    const after = (await mptk(proxy, 'plan', '--config', CONFIG)).stdout
    t.notMatch(after, /www\.example\.org leads|no address in DNS/)
  })

  await t.test(
    'serves each site by its name, with and without TLS, to clients with MPTCP and without',
    async (t) => {
      for (const curl of [MPTCP, ['curl']]) {
        for (const site of SITES) {
          t.equal(await get(curl, `http://${site}/who`), site)
          t.equal(await get([...curl, ANY_CERTIFICATE], `https://${site}/who`), site)
        }
      }
    },
  )

  await t.test('tells the web servers who asks', async (t) => {
    const lines = await asked(models, () =>
      get([...MPTCP, '--interface', '10.0.6.2'], 'http://www.example.org/who'),
    )
    t.strictSame(lines, ['www.example.org/who from 10.0.6.2, said to be 10.0.6.2'])
  })

  await t.test('is found at its other address by clients that came to one', async (t) => {
    const one = ['--resolve', 'www.example.org:80:10.0.3.2']
    const [bytes = 0] = await received(proxy, ['eth1'], () =>
      get([...MPTCP, ...one, '-o', '/dev/null'], 'http://www.example.org/file'),
    )
    t.ok(bytes > 10_000, `${bytes} bytes came to it`)
  })

  await t.test('carries what both uplinks of the client carry', async (t) => {
    const url = 'http://www.example.org/file'
    const paths = await alone(phone, ['curl', url])
    await bonds(t, phone, 'curl', paths, [...MPTCP, url])
  })

  await there.revert()
})
