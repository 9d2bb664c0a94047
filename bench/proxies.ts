/** The proxies side by side: how each is configured and started. Rivals with what their packages' users would write. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DESCRIPTORS } from './descriptors.js'
import type { Command } from './programs.js'

/** How the listener becomes MPTCP: ours by configuration, a rival by a preload. */
export type Multipath = 'none' | 'own' | 'mptcpize' | 'listener only'

export interface Setting {
  /** For configuration files. */
  directory: string
  preload: string
  port: number
  /** The server's port on loopback; a SOCKS5 server is told by the client. */
  target: number
  multipath: Multipath
}

export interface Proxy {
  name: string
  ours: boolean
  socks: boolean
  command(setting: Setting): Promise<Command>
}

const TIMEOUT = '300s'

async function configure({ directory, port }: Setting, name: string, lines: string): Promise<string> {
  const file = join(directory, `${name}-${port}.conf`)
  await writeFile(file, lines)
  return file
}

/** Gives a rival MPTCP where the setting says so. */
function multipath({ multipath, preload }: Setting, argv: [string, ...string[]]): Command {
  if (multipath === 'mptcpize') return { argv: ['mptcpize', 'run', ...argv] }
  if (multipath === 'listener only') return { argv, env: { LD_PRELOAD: preload } }
  return { argv }
}

/** Logs warnings only, as the rivals here do; all else is the default configuration. */
export function mptk(type: 'socks5' | 'reverse-tcp', threads?: number): Proxy {
  const socks = type === 'socks5'
  return {
    name: `mptk ${type}${threads === undefined ? '' : `, ${threads} thread`}`,
    ours: true,
    socks,
    async command(setting) {
      const service = {
        type,
        listen: `127.0.0.1:${setting.port}`,
        transport: setting.multipath === 'own' ? 'mptcp' : 'tcp',
        ...(socks
          ? { anonymous: true, rules: [{ allow: { destinations: ['127.0.0.0/8'] } }] }
          : { target: `127.0.0.1:${setting.target}` }),
      }
      const config = {
        services: [service],
        log: { level: 'warn' },
        ...(threads !== undefined && { relay: { threads } }),
      }
      // JSON is YAML
      const file = await configure(setting, 'mptk', JSON.stringify(config))
      const main = join(import.meta.dirname, '..', 'dist', 'src', 'cli', 'main.js')
      return { argv: [process.execPath, main, 'run', '--config', file] }
    },
  }
}

export interface HaproxyOptions {
  mode: 'tcp' | 'http'
  /** Threads; without it HAProxy takes one for each core. */
  threads?: number
  splice: boolean
  /** Bytes of a pipe for splicing; without it the kernel's default, 64 KiB. */
  pipe?: number
}

export function haproxy(options: HaproxyOptions): Proxy {
  const { mode, threads, splice, pipe } = options
  const name = [
    `haproxy ${mode}`,
    ...(threads === undefined ? [] : [`${threads} thread`]),
    ...(splice ? ['splice'] : []),
    ...(pipe === undefined ? [] : [`${pipe >> 10} KiB pipes`]),
  ].join(', ')
  return {
    name,
    ours: false,
    socks: false,
    async command(setting) {
      const lines = [
        'global',
        ...(threads === undefined ? [] : [`  nbthread ${threads}`]),
        ...(pipe === undefined ? [] : [`  tune.pipesize ${pipe}`]),
        'defaults',
        `  mode ${mode}`,
        `  timeout connect ${TIMEOUT}`,
        `  timeout client ${TIMEOUT}`,
        `  timeout server ${TIMEOUT}`,
        ...(splice ? ['  option splice-auto'] : []),
        ...(mode === 'http' ? ['  option http-keep-alive', '  http-reuse always'] : []),
        'listen bench',
        `  bind 127.0.0.1:${setting.port}`,
        `  server s1 127.0.0.1:${setting.target}`,
        '',
      ]
      const file = await configure(setting, 'haproxy', lines.join('\n'))
      return multipath(setting, ['haproxy', '-db', '-f', file])
    },
  }
}

/** As many child processes as it finds right by itself, which is its default. */
export const dante: Proxy = {
  name: 'dante',
  ours: false,
  socks: true,
  async command(setting) {
    const pass = '{ from: 0.0.0.0/0 to: 0.0.0.0/0 log: error }'
    const lines = [
      'logoutput: stderr',
      `internal: 127.0.0.1 port = ${setting.port}`,
      'external: 127.0.0.1',
      'clientmethod: none',
      'socksmethod: none',
      'user.privileged: root',
      'user.unprivileged: nobody',
      `client pass ${pass}`,
      `socks pass ${pass}`,
      '',
    ]
    const file = await configure(setting, 'dante', lines.join('\n'))
    const pid = join(setting.directory, `dante-${setting.port}.pid`)
    return multipath(setting, ['danted', '-f', file, '-p', pid])
  },
}

export const microsocks: Proxy = {
  name: 'microsocks',
  ours: false,
  socks: true,
  command(setting) {
    const argv: [string, ...string[]] = ['microsocks', '-i', '127.0.0.1', '-p', String(setting.port)]
    return Promise.resolve(multipath(setting, argv))
  },
}

const NGINX_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

function nginxFile({ directory, port }: Setting, body: string[], load: string[]): string {
  return [
    ...load,
    'daemon off;',
    'worker_processes auto;',
    `worker_rlimit_nofile ${DESCRIPTORS};`,
    `pid ${join(directory, `nginx-${port}.pid`)};`,
    'error_log stderr error;',
    `events { worker_connections ${DESCRIPTORS}; }`,
    ...body,
    '',
  ].join('\n')
}

export const nginxStream: Proxy = {
  name: 'nginx stream',
  ours: false,
  socks: false,
  async command(setting) {
    const server = `server { listen 127.0.0.1:${setting.port}; proxy_pass 127.0.0.1:${setting.target}; }`
    const text = nginxFile(setting, [`stream { ${server} }`], [`load_module ${NGINX_MODULE};`])
    return multipath(setting, ['nginx', '-c', await configure(setting, 'nginx', text)])
  },
}

/** The web server behind the proxies of the http benchmark: a fixed answer of 100 bytes, connections kept for ever. */
export async function nginxWeb(setting: Setting): Promise<Command> {
  const answer = 'x'.repeat(100)
  const body = [
    'http {',
    'access_log off;',
    'keepalive_requests 1000000000;',
    `server { listen 127.0.0.1:${setting.port}; location / { return 200 "${answer}"; } }`,
    '}',
  ]
  return { argv: ['nginx', '-c', await configure(setting, 'nginx', nginxFile(setting, body, []))] }
}
