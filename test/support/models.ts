/** The lab of the integration models: its programs, `mptk` on its hosts, and what they are compared by. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Lab, readTopology } from '../../mininet/lab.js'
import type { LabHost } from '../../mininet/lab-host.js'
import {
  EXAMPLE_CONFIG as CONFIG,
  EXAMPLE_USER,
  installExample as install,
  putFile as put,
  runMptk as mptk,
} from '../../mininet/shipped-example.js'
import { hostStateOf, stateChanges } from './host-state.js'
import { median } from './median.js'
import { scratchFolder } from './scratch.js'
import { until } from './until.js'

/** Of `/run` only what could be of mptk: the rest is the machine's, where other programs come and go. */
const FOLDERS = ['/etc', '/var/lib', '/run/mptk', '/run/systemd']

export interface Models {
  lab: Lab
  /** For the files of its programs; seen by all hosts. */
  folder: string
}

/** Ended with the test. */
export async function startModels(t: Test): Promise<Models> {
  const folder = scratchFolder(t)
  const lab = await Lab.start(await readTopology('models'))
  t.teardown(() => lab.stop())
  return { lab, folder }
}

export { CONFIG, install, mptk, put }

/** Settings, addresses, routes, rules, endpoints, firewall, units and files of a host, as one text. */
export function snapshot(host: LabHost): Promise<string> {
  return hostStateOf(host.runner, ...FOLDERS)
}

/** What `mptk apply` and `mptk revert` promise, for one host: {@link Applied.revert} checks the end of it. */
export interface Applied {
  revert: () => Promise<void>
}

/** Things that somebody else has set up before: the same before, while and after ours are there. */
const STRANGERS = `
nft 'table inet theirs {
	chain input { type filter hook input priority 10; policy accept; tcp dport 9 drop; }
	chain out { type nat hook postrouting priority 110; policy accept; ip daddr 10.9.9.9 masquerade; }
}'
ip mptcp endpoint add 10.9.9.1 id 7 backup
ip rule add from 10.9.9.0/24 lookup 77 priority 77
ip route add unreachable 10.9.9.0/24 table 77
sysctl -qw net.ipv4.tcp_keepalive_time=1234 net.mptcp.stale_loss_cnt=3
`
export async function strangers(host: LabHost): Promise<void> {
  await host.run(['sh', '-ec', STRANGERS])
}

const SHOW_STRANGERS = `
nft list table inet theirs
ip mptcp endpoint show id 7
ip rule show priority 77
ip route show table 77
sysctl net.ipv4.tcp_keepalive_time net.mptcp.stale_loss_cnt
`

/**
 * Installs an example beside what somebody else has set up, and applies it. A second time there is
 * nothing to do, and what is not ours is as it was.
 */
export async function applied(t: Test, host: LabHost, example: string): Promise<Applied> {
  await strangers(host)
  const theirs = (await host.run(['sh', '-ec', SHOW_STRANGERS])).stdout
  await install(host, example)
  const before = await snapshot(host)
  await mptk(host, 'plan', '--config', CONFIG)
  same(t, await snapshot(host), before, `${host.name}: a plan changes nothing`)
  await mptk(host, 'apply', '--config', CONFIG, '--confirm-within', '60s')
  await mptk(host, 'confirm')
  // exit code 0: all is as it was applied
  await mptk(host, 'status')
  const after = await snapshot(host)
  t.not(after, before, `${host.name} is set up`)
  const { stdout } = await mptk(host, 'apply', '--config', CONFIG)
  t.match(stdout, /^nothing to do: \d+ as wanted$/m, `${host.name}: a second apply has nothing to do`)
  same(t, await snapshot(host), after, `${host.name}: and does nothing`)
  const left = (await host.run(['sh', '-ec', SHOW_STRANGERS])).stdout
  t.equal(left, theirs, `${host.name}: what somebody else set up is as it was`)
  return {
    async revert() {
      await mptk(host, 'revert')
      same(t, await snapshot(host), before, `${host.name}: reverted to the byte`)
    },
  }
}

/** As `t.equal` of two snapshots, which shows the lines that differ and not all of them. */
export function same(t: Test, found: string, wanted: string, what: string): void {
  t.strictSame(stateChanges(wanted, found), [], what)
}

/** Bytes; over both uplinks some six seconds. */
const SIZE = 20_000_000
/** Of `SIZE`, what each uplink gets through in that time alone. */
const SHARES = { wlan: 0.7, cell: 0.35 } as const
/** The least that both uplinks together carry of the sum of what each carries alone. */
const BONDING = 0.9
const TIMES = 3

/** nginx on port 80 with `/file`, `/small`, a page, and `/upload/NAME`, besides what `servers` says. */
export async function startNginx({ lab, folder }: Models, servers = ''): Promise<void> {
  const root = join(folder, 'www')
  mkdirSync(root)
  mkdirSync(join(folder, 'upload'))
  writeFileSync(join(root, 'file'), Buffer.alloc(SIZE, 'mptcp'))
  writeFileSync(join(root, 'small'), Buffer.alloc(2_000_000, 'mptcp'))
  writeFileSync(join(root, 'page.html'), PAGE)
  writeFileSync(join(root, 'image.svg'), IMAGE)
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, nginxConfig(folder, servers))
  const web = lab.host('web')
  web.spawn(['nginx', '-p', folder, '-e', 'stderr', '-c', file, '-g', 'daemon off;'])
  // curl's own retry is the wait for the listener
  const url = 'http://10.0.3.3/page.html'
  await web.run(['curl', '-sS', '--fail', '--retry', '50', '--retry-connrefused', '--retry-delay', '1', url])
}

const PAGE = '<!doctype html><title>unaware</title><img src="image.svg">'
const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>'

function nginxConfig(folder: string, servers: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/temp;`)
    .join('\n')
  return `user root;
worker_processes 1;
pid ${folder}/nginx.pid;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  log_format seen '$host$request_uri from $remote_addr, said to be $proxy_protocol_addr';
  access_log ${folder}/access.log seen;
  sendfile on;
  types { text/html html; image/svg+xml svg; }
${temporary}
  server {
    listen 80 backlog=4096;
    listen [::]:80 backlog=4096;
    root ${folder}/www;
    location /upload/ { root ${folder}; client_max_body_size 0; dav_methods PUT; }
  }
${servers}
}
`
}

/** dnsmasq on `dns`, which answers with these addresses and knows nothing else. @returns what ends it */
export async function startDns(
  { lab }: Models,
  records: readonly (readonly [name: string, address: string])[],
) {
  const dns = lab.host('dns')
  const server = dns.spawn([
    ...[
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--no-resolv',
      '--no-hosts',
      '--pid-file=',
    ],
    ...['--bind-interfaces', '--interface=eth0', '--log-facility=-', '--local-ttl=1'],
    ...records.map((record) => `--host-record=${record.join(',')}`),
  ])
  await server.waitForLine(/started/)
  return () => server.stop()
}

/** Mbit/s of one curl on a host. @throws unless all of it came */
export async function speed(host: LabHost, size: number, argv: readonly string[]): Promise<number> {
  const write = '%{size_download} %{speed_download}'
  const common = ['-sS', '--fail', '-o', '/dev/null', '--max-time', '120', '-w', write]
  const { stdout } = await host.run([...argv, ...common])
  const [bytes, perSecond = NaN] = stdout.split(' ').map(Number)
  if (bytes !== size) throw new Error(`${argv.join(' ')}: expected ${size} bytes, found ${stdout}`)
  return (perSecond * 8) / 1e6
}

export interface Paths {
  wlan: number
  cell: number
  sum: number
}

const BY_THE_PROXY = [
  ...['curl', '--proxy', `socks5h://${EXAMPLE_USER.username}:${EXAMPLE_USER.password}@10.0.3.2:1080`],
  'http://10.0.3.3/file',
]

/**
 * What each uplink of a host carries by itself at the same time, Mbit/s: plain TCP from and to the
 * same proxy, medians.
 */
export async function alone(host: LabHost, argv: readonly string[] = BY_THE_PROXY): Promise<Paths> {
  const one = (uplink: keyof typeof SHARES): Promise<number> => {
    const size = SIZE * SHARES[uplink]
    const own = ['--interface', uplink, '--range', `0-${size - 1}`]
    return middle(() => speed(host, size, [...argv, ...own]))
  }
  const [wlan, cell] = await Promise.all([one('wlan'), one('cell')])
  return { wlan, cell, sum: wlan + cell }
}

/** Checks that downloads of `/file` by this curl are at least {@link BONDING} of the sum of the paths, in the median. */
export async function bonds(
  t: Test,
  host: LabHost,
  what: string,
  paths: Paths,
  argv: readonly string[],
): Promise<void> {
  await bondsOf(t, what, paths, () => speed(host, SIZE, argv))
}

/** As {@link bonds}, by another program's figure in Mbit/s. */
export async function bondsOf(
  t: Test,
  what: string,
  { wlan, cell, sum }: Paths,
  measure: () => Promise<number>,
): Promise<void> {
  const together = await middle(measure)
  const figures = [together, wlan, cell].map((each) => each.toFixed(2))
  t.comment(`${what}: ${figures[0]} of ${figures[1]} + ${figures[2]} Mbit/s: ${(together / sum).toFixed(3)}`)
  t.ok(together >= BONDING * sum, `${what}: at least ${BONDING} of the sum of the paths`)
}

async function middle(measure: () => Promise<number>): Promise<number> {
  const values: number[] = []
  for (let n = 0; n < TIMES; n++) values.push(await measure())
  return median(values)
}

/**
 * The web server's log: host, path, who asked and who that is said to be, by PROXY protocol. A page
 * may be there before its line is, so another page is asked for: nginx does one thing after another.
 */
export async function seenByWeb({ lab, folder }: Models): Promise<string[]> {
  const mark = `/page.html?mark=${randomUUID()}`
  await lab.host('web').run(['curl', '-sS', '--fail', '-o', '/dev/null', `http://10.0.3.3${mark}`])
  let lines: string[] = []
  await until(`${mark} in the log`, async () => {
    const log = await readFile(join(folder, 'access.log'), 'utf8')
    lines = log.trimEnd().split('\n')
    return lines.some((line) => line.includes(`${mark} `)) ? undefined : 'missing'
  })
  return lines.filter((line) => !line.includes('/page.html?mark='))
}

/** The web server's log of what `work` asked for, one line for each request that it ended. */
export async function asked(models: Models, work: () => Promise<unknown>): Promise<string[]> {
  const before = (await seenByWeb(models)).length
  await work()
  return (await seenByWeb(models)).slice(before)
}

/** Bytes received by each of a host's interfaces while `work` went on. */
export async function received(
  host: LabHost,
  names: readonly string[],
  work: () => Promise<unknown>,
): Promise<number[]> {
  const before = await Promise.all(names.map((name) => host.counters(name)))
  await work()
  const after = await Promise.all(names.map((name) => host.counters(name)))
  return after.map(({ rxBytes }, index) => rxBytes - (before[index]?.rxBytes ?? 0))
}
