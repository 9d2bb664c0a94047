/**
 * The router model's data service: a LAN host without MPTCP behind a router with two uplinks.
 * ```
 *   lan ── .1.2 ═ .1.1 ── router ══ .2.1, .3.1 ══ .2.2, .3.2 ── proxy ── .4.1 ═ .4.2 ── web
 * ```
 * Every link is 10.97.N.0/24 and fd97:N::/64. The proxy host also routes, which is how the
 * router's direct way reaches the web server.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startProxy, type BuiltProxy } from './built-proxy.js'
import { join, Namespace } from './netns.js'
import { runTool } from './tools.js'

export const WEB = ['10.97.4.2', '[fd97:4::2]'] as const
export const WEB_PORT = 8080
/** A server for each direction: one that has not heard of the end of a test refuses the next. */
export const IPERF_PORTS = { up: 5301, down: 5302 }
export const PORT = 5201
export const SOCKS = '10.97.2.2:1080'

export interface Site {
  lan: Namespace
  router: Namespace
  proxy: Namespace
  web: Namespace
}

/** Words that run a TypeScript file of ours in a namespace. */
export function program(where: Namespace, file: string, ...args: (string | number)[]): [string, string[]] {
  const path = fileURLToPath(new URL(`./${file}`, import.meta.url))
  const [command = '', ...rest] = [
    ...where.prefix,
    process.execPath,
    '--import',
    'tsx',
    path,
    ...args.map(String),
  ]
  return [command, rest]
}

/** Starts a server; returns when it has printed a line that matches, ends it with the test. */
export async function serve(t: Test, command: string, args: string[], ready: RegExp): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.teardown(async () => {
    child.kill()
    await once(child, 'close')
  })
  for await (const line of createInterface({ input: child.stdout })) if (ready.test(line)) break
  child.stdout.resume()
}

export async function site(t: Test): Promise<Site> {
  const [lan, router, proxy, web] = ['lan', 'router', 'proxy', 'web'].map(
    (role) => new Namespace(t, role),
  ) as [Namespace, Namespace, Namespace, Namespace]
  for (const each of [lan, web]) each.setSysctl('net.mptcp.enabled', 0)
  for (const [left, right, n] of [
    [router, lan, 1],
    [router, proxy, 2],
    [router, proxy, 3],
    [proxy, web, 4],
  ] as const) {
    join(left, right, n, `10.97.${n}`)
    left.run('ip', 'address', 'add', `fd97:${n}::1/64`, 'dev', `l${n}`, 'nodad')
    right.run('ip', 'address', 'add', `fd97:${n}::2/64`, 'dev', `r${n}`, 'nodad')
  }
  for (const each of [router, proxy]) {
    each.setSysctl('net.ipv4.ip_forward', 1)
    each.setSysctl('net.ipv6.conf.all.forwarding', 1)
  }
  const defaultRoute = (from: Namespace, n: number, host: number): void => {
    from.run('ip', 'route', 'add', 'default', 'via', `10.97.${n}.${host}`)
    from.run('ip', '-6', 'route', 'add', 'default', 'via', `fd97:${n}::${host}`)
  }
  defaultRoute(lan, 1, 1)
  defaultRoute(router, 2, 2)
  defaultRoute(web, 4, 1)
  for (const each of [router, proxy])
    each.run('ip', 'mptcp', 'limits', 'set', 'subflow', '8', 'add_addr_accepted', '8')
  proxy.run('ip', 'mptcp', 'endpoint', 'add', '10.97.3.2', 'signal')

  await serve(t, ...program(web, 'held-web.ts', WEB_PORT), /^up$/)
  const [ip = '', ...inWeb] = web.prefix
  for (const port of Object.values(IPERF_PORTS)) {
    await serve(t, ip, [...inWeb, 'iperf3', '-s', '--forceflush', '-p', String(port)], /Server listening/)
  }
  return { lan, router, proxy, web }
}

export function socksProxy(t: Test, { proxy }: Site): Promise<BuiltProxy> {
  return startProxy(t, {
    prefix: proxy.prefix,
    statusPort: 9400,
    // on every address: subflows to the announced one need a listener there
    services: [{ type: 'socks5', listen: '0.0.0.0:1080', users: { branch: { password: 'secret' } } }],
  })
}

export function routerService(
  t: Test,
  { router }: Site,
  intercept: 'redirect' | 'tproxy',
  whenUnreachable: 'refuse' | 'direct',
): Promise<BuiltProxy> {
  const upstream = {
    type: 'socks5',
    address: SOCKS,
    username: 'branch',
    password: 'secret',
    whenUnreachable,
    // hundreds at once may wait long for their greeting on a slow machine
    connectTimeout: '1m',
  }
  return startProxy(t, {
    prefix: router.prefix,
    statusPort: 9400,
    services: [{ type: 'transparent', listen: `[::]:${PORT}`, intercept, upstream }],
  })
}

/** What the firewall of the router does, as `nft -f` reads it. */
const FIREWALL = {
  redirect: `table inet lan {
    chain in {
      type nat hook prerouting priority dstnat
      iifname != l1 accept
      ip daddr 10.97.1.0/24 accept
      ip6 daddr fd97:1::/64 accept
      meta l4proto tcp redirect to :${PORT}
    }
  }`,
  tproxy: `table inet lan {
    chain in {
      type filter hook prerouting priority mangle
      iifname != l1 accept
      ip daddr 10.97.1.0/24 accept
      ip6 daddr fd97:1::/64 accept
      meta l4proto tcp meta mark set 1 tproxy to :${PORT}
    }
  }`,
}

export async function setUp({ router }: Site, intercept: 'redirect' | 'tproxy'): Promise<void> {
  const [ip = '', ...inRouter] = router.prefix
  const { code, stderr } = await runTool(ip, [...inRouter, 'nft', '-f', '-'], { input: FIREWALL[intercept] })
  if (code !== 0) throw new Error(stderr)
  if (intercept === 'redirect') return
  for (const family of ['-4', '-6']) {
    router.run('ip', family, 'rule', 'add', 'fwmark', '1', 'lookup', '99')
    router.run('ip', family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '99')
  }
}

interface Answer {
  code: number | undefined
  body: Buffer
}

export async function curl({ lan }: Site, url: string): Promise<Answer> {
  const [ip = '', ...inLan] = lan.prefix
  const { code, stdout } = await runTool(ip, [...inLan, 'curl', '-sS', '--max-time', '50', url])
  return { code, body: stdout }
}

export const page = (web: string, key: string, of = 1): string =>
  `http://${web}:${WEB_PORT}/held/${key}?of=${of}`
