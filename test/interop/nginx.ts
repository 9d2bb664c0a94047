/** nginx with server blocks of a test's own, and certificates for it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { scratchFolder } from '../support/scratch.js'
import { runTool, startServer } from '../support/tools.js'

/** @param servers blocks of the http context; `port` must be one that they listen on at 127.0.0.1 */
export async function startNginx(t: Test, servers: string, port: number): Promise<void> {
  const root = scratchFolder(t)
  mkdirSync(join(root, 'logs'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${root}/temp;`)
    .join('\n')
  const file = join(root, 'nginx.conf')
  writeFileSync(
    file,
    `user root; daemon off; worker_processes 1; pid ${root}/nginx.pid; error_log stderr;
    events {}
    http { access_log off; default_type text/plain; ${temporary} ${servers} }`,
  )
  await startServer(t, 'nginx', ['-c', file, '-p', root], port)
}

export interface Certificate {
  certificate: string
  key: string
}

/** A self-signed certificate for these names and addresses: files in PEM. */
export async function makeCertificate(t: Test, ...names: string[]): Promise<Certificate> {
  const folder = scratchFolder(t)
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const alternatives = names.map((name) => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',')
  const made = await runTool('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${alternatives}`],
    ...['-keyout', key, '-out', certificate],
  ])
  if (made.code !== 0) throw new Error(`openssl req: ${made.stderr}`)
  return { certificate, key }
}
