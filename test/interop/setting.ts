/**
 * What programs not written here meet: nginx behind proxies of every kind, all on the loopback
 * of one namespace.
 *
 *   client ─▶ open, users, chain (SOCKS5) ─▶ nginx      chain goes through users, over MPTCP
 *   client ─▶ reverse ─▶ nginx
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { SessionRecord } from '../../proxy/session.js'
import { startProxy, type BuiltProxy } from '../support/built-proxy.js'
import { Random } from '../support/random.js'
import { scratchFolder } from '../support/scratch.js'
import { sha256, startServer } from '../support/tools.js'
import { until } from '../support/until.js'

export const PORTS = {
  open: 1080,
  users: 1081,
  chain: 1082,
  reverse: 8081,
  status: 9400,
  web: 8080,
  /** Nobody listens here. */
  refused: 7001,
  ssh: 2222,
  echo: 7000,
}
export const USER = { name: 'alice', password: 'secret' }

/** Destinations outside: the routes make the kernel say at once what a router would. */
export const NOWHERE = { network: '203.0.113.1', host: '192.0.2.1', prohibited: '198.51.100.1' }

export async function startProxies(t: Test): Promise<BuiltProxy> {
  execFileSync('ip', ['route', 'add', 'unreachable', '192.0.2.0/24'])
  execFileSync('ip', ['route', 'add', 'prohibit', '198.51.100.0/24'])
  const rules = [{ allow: { destinations: ['127.0.0.1', '::1', 'localhost'] } }]
  const socks5 = { type: 'socks5', rules }
  const upstream = {
    type: 'socks5',
    address: `127.0.0.1:${PORTS.users}`,
    username: USER.name,
    password: USER.password,
  }
  return startProxy(t, {
    services: [
      { ...socks5, name: 'open', listen: `127.0.0.1:${PORTS.open}` },
      {
        ...socks5,
        name: 'users',
        listen: `127.0.0.1:${PORTS.users}`,
        users: { [USER.name]: { password: USER.password } },
      },
      { ...socks5, name: 'chain', listen: `127.0.0.1:${PORTS.chain}`, upstream },
      {
        type: 'reverse-tcp',
        name: 'reverse',
        listen: `127.0.0.1:${PORTS.reverse}`,
        target: `127.0.0.1:${PORTS.web}`,
      },
    ],
    statusPort: PORTS.status,
  })
}

/** Runs `action`, which makes one session of the service, and returns what it returned and the session's record. */
export async function withRecord<T>(
  proxy: BuiltProxy,
  service: string,
  action: () => Promise<T>,
): Promise<{ got: T; record: SessionRecord | undefined }> {
  const records = (): SessionRecord[] => proxy.records.filter((record) => record.service === service)
  const before = records().length
  const got = await action()
  await until(`a session of ${service} ends`, () =>
    records().length > before ? undefined : `${before} records`,
  )
  return { got, record: records()[before] }
}

export interface Web {
  /** Path and SHA-256 of a file of 20 MB. */
  big: { path: string; size: number; hash: string }
  /** Where files put under /upload/ arrive. */
  uploads: string
}

/** nginx on both families of loopback, serving one big file and taking uploads. */
export async function startWeb(t: Test): Promise<Web> {
  const root = scratchFolder(t)
  for (const folder of ['files', 'upload', 'temp', 'logs']) mkdirSync(join(root, folder))
  const big = new Random(40).bytes(20_000_003)
  writeFileSync(join(root, 'files', 'big'), big)
  const configuration = `
    user root;
    daemon off;
    worker_processes 1;
    pid ${root}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      client_body_temp_path ${root}/temp;
      proxy_temp_path ${root}/temp;
      fastcgi_temp_path ${root}/temp;
      uwsgi_temp_path ${root}/temp;
      scgi_temp_path ${root}/temp;
      server {
        listen 127.0.0.1:${PORTS.web};
        listen [::1]:${PORTS.web};
        client_max_body_size 100m;
        location / { root ${root}/files; }
        location /upload/ { root ${root}; dav_methods PUT; }
      }
    }`
  writeFileSync(join(root, 'nginx.conf'), configuration)
  await startServer(t, 'nginx', ['-c', join(root, 'nginx.conf'), '-p', root], PORTS.web)
  return { big: { path: '/big', size: big.length, hash: sha256(big) }, uploads: join(root, 'upload') }
}
