/**
 * The router's kill switch: whatever is missing of service, firewall table or rules, nothing of
 * the LAN's TCP is on an uplink. The router forwards by itself, as one with `ip_forward` in its
 * sysctl.conf does, and checks reverse paths.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { capture, type Capture } from '../../support/capture.js'
import { localRunner } from '../../../src/exec.js'
import { netnsRunner } from '../../../src/exec-netns.js'
import { bodyOf } from '../../support/held-web.js'
import { hostStateOf, stateChanges } from '../../support/host-state.js'
import type { Namespace } from '../../support/netns.js'
import { run, start, type Command } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { runTool } from '../../support/tools.js'
import { page, PORT, serve, site, SOCKS, socksProxy, WEB, type Site } from '../../support/transparent-site.js'
import { until } from '../../support/until.js'

/** On the web server: what the firewall leaves alone, and what talks without being asked. */
const STRAIGHT_PORT = 8081
const CHATTY_PORT = 8083
/** On the LAN's host. */
const INBOUND_PORT = 8082

/** Of curl: refused or unreachable; reset before it had asked, or while it waited. */
const CLOSED = [7, 56]
/** The kernel says so only once a second and host when it is not the firewall that does. */
const SILENT = 28
/** Of curl, seconds: whoever refuses does so at once, and who is silent need not be waited for. */
const PATIENCE = { refused: 20, silent: 1 }

const SERVERS = `
require('node:net').createServer((socket) => socket.end('HTTP/1.0 200 OK\\r\\n\\r\\n')).listen(+process.argv[1])
require('node:net').createServer((socket) => {
  const timer = setInterval(() => socket.write('x'), 20)
  socket.on('error', () => undefined).on('close', () => clearInterval(timer)).resume()
}).listen(+process.argv[2], () => console.log('up'))
`

/**
 * Has two connections to each host, begun again when they end: both are sent something all the
 * time, one sends, and the other one only acknowledges.
 */
const TALKER = `
for (const host of process.argv.slice(2)) {
  const begin = (talks) => {
    let timer
    const socket = require('node:net').connect(+process.argv[1], host, () => {
      if (talks) timer = setInterval(() => socket.write('x'), 20)
    })
    socket.setNoDelay().on('error', () => undefined)
    socket.once('data', () => console.log(host)).resume()
    socket.on('close', () => {
      clearInterval(timer)
      setTimeout(begin, 100, talks)
    })
  }
  begin(true)
  begin(false)
}
`

async function inside(where: Namespace, ...words: (string | number)[]) {
  const [ip = '', ...rest] = [...where.prefix, ...words.map(String)]
  return runTool(ip, rest)
}

/** How curl in a namespace ends, and what it got. */
async function asked(where: Namespace, url: string, patience = PATIENCE.refused) {
  const { code, stdout } = await inside(where, 'curl', '-sS', '--max-time', patience, url)
  return { code, body: stdout }
}

interface Router {
  site: Site
  mptk: (...args: string[]) => Promise<void>
  configure: (listen: string) => void
  /** The service, when it listens; it watches over what was applied when told to. */
  run: (watching?: boolean) => Promise<Command>
}

type Intercept = 'redirect' | 'tproxy'

function configured(intercept: Intercept, listen: string): string {
  return stringify({
    host: {
      setup: 'router',
      uplinks: { l2: {}, l3: { gateway: '10.97.3.2' } },
      lan: {
        interfaces: 'l1',
        intercept,
        // with the one, what is not TCP goes out; with the other, it does not
        others: intercept === 'redirect' ? 'direct' : 'refuse',
        exclude: { ports: [STRAIGHT_PORT] },
      },
    },
    services: [
      {
        type: 'transparent',
        listen: `${listen}:${PORT}`,
        intercept,
        upstream: { type: 'socks5', address: SOCKS, username: 'branch', password: 'secret' },
      },
    ],
  })
}

function routerOf(t: Test, place: Site, intercept: Intercept): Router {
  const folder = scratchFolder(t)
  const config = join(folder, 'router.yaml')
  const state = join(folder, 'state')
  const mptk = async (...args: string[]): Promise<void> => {
    const ended = await run(t, [...args, '--netns', place.router.name, '--state', state])
    if (ended.code !== 0) throw new Error(`mptk ${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
  }
  return {
    site: place,
    mptk: (command, ...more) => mptk(command, ...(command === 'apply' ? ['--config', config] : []), ...more),
    configure: (listen) => writeFileSync(config, configured(intercept, listen), { mode: 0o600 }),
    async run(watching = false) {
      const words = ['run', '--config', config, ...(watching ? ['--journal', state] : [])]
      const service = start(t, words, { prefix: place.router.prefix })
      await service.addressOf('transparent')
      return service
    },
  }
}

async function ended(service: Command, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  service.signal(signal)
  await service.ended
}

/** Not even that there is no way is said always. */
async function unreachable(t: Test, { site: { lan } }: Router, state: string): Promise<void> {
  for (const web of WEB) {
    const { code } = await asked(lan, page(web, 'none'), PATIENCE.silent)
    t.ok([...CLOSED, SILENT].includes(code ?? 0), `${state}: ${web} is closed, curl says ${code}`)
  }
}

async function closed(t: Test, { site: { lan } }: Router, state: string): Promise<void> {
  for (const web of WEB) {
    const { code } = await asked(lan, page(web, 'none'))
    t.ok(CLOSED.includes(code ?? 0), `${state}: ${web} is closed, curl says ${code}`)
  }
}

async function served(t: Test, { site: { lan } }: Router, web: string, state: string): Promise<void> {
  const { code, body } = await asked(lan, page(web, 'some'))
  t.equal(code, 0, `${state}: ${web}`)
  t.ok(body.equals(bodyOf('some')), `${state}: the page of ${web}`)
}

/** What the firewall leaves alone, and what the LAN serves, whatever the service does. */
async function straight(t: Test, { site: { lan, proxy } }: Router, state: string): Promise<void> {
  for (const web of WEB) {
    t.equal((await asked(lan, `http://${web}:${STRAIGHT_PORT}/`)).code, 0, `${state}: ${web}, excluded`)
  }
  for (const own of ['10.97.1.2', '[fd97:1::2]']) {
    t.equal((await asked(proxy, `http://${own}:${INBOUND_PORT}/`)).code, 0, `${state}: ${own} from outside`)
  }
}

async function others(t: Test, { site: { lan } }: Router, code: number, state: string): Promise<void> {
  for (const address of ['10.97.4.2', 'fd97:4::2']) {
    const ping = await inside(lan, 'ping', '-n', '-c', 1, '-W', code === 0 ? 5 : 1, address)
    t.equal(ping.code, code, `${state}: ping ${address}`)
  }
  t.equal((await inside(lan, 'ping', '-n', '-c', 1, '-W', 5, '10.97.1.1')).code, 0, `${state}: the router`)
}

/** Takes the firewall table away; returns what puts it back. */
function withoutTable({ site: { router } }: Router): () => Promise<void> {
  const text = router.run('nft', '-s', 'list', 'table', 'inet', 'mptk')
  router.run('nft', 'delete', 'table', 'inet', 'mptk')
  const input = `add table inet mptk\ndelete table inet mptk\n${text}`
  const [ip = '', ...inRouter] = router.prefix
  return async () => {
    const { code, stderr } = await runTool(ip, [...inRouter, 'nft', '-f', '-'], { input })
    if (code !== 0) throw new Error(stderr)
  }
}

const WITHOUT_RULES = `
for family in -4 -6; do
  ip $family rule show | sed -n 's/^\\(52[0-9]*\\):\\t/\\1 /p' | while read -r priority rule; do
    ip $family rule delete priority $priority && echo $family rule add priority $priority $rule
  done
done`

/** Likewise all rules of ours. */
function withoutRules({ site: { router } }: Router): () => void {
  const said = router.run('sh', '-c', WITHOUT_RULES).trim().split('\n')
  return () => {
    for (const words of said) {
      const rule = words.split(' ').filter((each) => each !== '[detached]')
      // the service keeps its uplinks' rules by itself, and may be faster
      router.run('sh', '-c', 'ip "$@" || ip "$1" rule show priority "$5" | grep -q .', 'sh', ...rule)
    }
  }
}

/** What the LAN's TCP sends over the uplinks, in the words of tcpdump. */
async function captured(t: Test, { site: { router } }: Router): Promise<() => Promise<string[]>> {
  const folder = scratchFolder(t)
  const server = 'dst host 10.97.4.2 or dst host fd97:4::2'
  const filter = `tcp and (${server} or src net 10.97.1.0/24 or src net fd97:1::/64)`
  const running: [string, Capture][] = []
  for (const device of ['l2', 'l3']) {
    const file = join(folder, device)
    running.push([file, await capture(router.prefix, device, file, filter)])
  }
  return async () => {
    const lines: string[] = []
    for (const [file, each] of running) {
      await each.stop()
      const { stdout } = await runTool('tcpdump', ['-n', '-t', '-r', file])
      lines.push(...stdout.toString().split('\n'))
    }
    return lines.filter((line) => line !== '')
  }
}

const hasPort = (line: string, port: number): boolean => new RegExp(`\\.${port}( >|:)`).test(line)

async function withoutService(t: Test, router: Router, intercept: Intercept): Promise<void> {
  await closed(t, router, 'not started')
  await straight(t, router, 'not started')
  const ping = intercept === 'redirect' ? 0 : 1
  await others(t, router, ping, 'not started')
  const putTableBack = withoutTable(router)
  await unreachable(t, router, 'not started, no table')
  await others(t, router, ping, 'not started, no table')
  await putTableBack()
  const putRulesBack = withoutRules(router)
  await closed(t, router, 'not started, no rules')
  await others(t, router, ping, 'not started, no rules')
  putRulesBack()
}

async function withService(t: Test, router: Router): Promise<void> {
  const { lan } = router.site
  let service = await router.run()
  for (const web of WEB) await served(t, router, web, 'running')
  await straight(t, router, 'running')
  // who watches over table and rules may put them back at any time: then they are served
  const putTableBack = withoutTable(router)
  for (const web of WEB) await asked(lan, page(web, 'some'), PATIENCE.silent)
  await putTableBack()
  for (const web of WEB) await served(t, router, web, 'the table is back')
  const putRulesBack = withoutRules(router)
  for (const web of WEB) await asked(lan, page(web, 'some'), PATIENCE.silent)
  putRulesBack()
  for (const web of WEB) await served(t, router, web, 'the rules are back')
  await ended(service, 'SIGKILL')
  await closed(t, router, 'crashed')
  const again = router.run()
  await until('the LAN to be served after a restart', async () => {
    const { code } = await asked(lan, page(WEB[0], 'some'))
    t.ok([0, ...CLOSED].includes(code ?? 1), `restarting: curl says ${code}`)
    return code === 0 ? undefined : `curl says ${code}`
  })
  service = await again
  await ended(service, 'SIGTERM')
  await closed(t, router, 'stopped')
  await straight(t, router, 'stopped')
}

async function ipv4Only(t: Test, router: Router): Promise<Command> {
  router.configure('0.0.0.0')
  await router.mptk('apply', '--without-services')
  const service = await router.run(true)
  await served(t, router, WEB[0], 'a listener for IPv4 alone')
  const { code } = await asked(router.site.lan, page(WEB[1], 'none'))
  t.ok(CLOSED.includes(code ?? 0), `a listener for IPv4 alone: ${WEB[1]} is closed, curl says ${code}`)
  await straight(t, router, 'a listener for IPv4 alone')
  return service
}

/** Everything that keeps the LAN in, at the same moment: what watches over it puts it back. */
async function bothGone(t: Test, router: Router): Promise<void> {
  const { router: host } = router.site
  const from = performance.now()
  host.run('sh', '-c', `nft delete table inet mptk; ${WITHOUT_RULES}`)
  const missing = (): string | undefined => {
    if (!host.run('nft', 'list', 'tables').includes('inet mptk')) return 'no table'
    return ['-4', '-6'].find((family) => !host.run('ip', family, 'rule', 'show').includes('unreachable'))
  }
  await until('table and rules are back', missing)
  t.comment(
    `table and rules are back within ${Math.round(performance.now() - from)} ms, the taking away included`,
  )
  const stop = await captured(t, router)
  await served(t, router, WEB[0], 'both are back')
  const { code } = await asked(router.site.lan, page(WEB[1], 'none'))
  t.ok(CLOSED.includes(code ?? 0), `both are back: ${WEB[1]} is closed, curl says ${code}`)
  await straight(t, router, 'both are back')
  nothingLeaked(t, await stop())
}

/** Of what was captured, all is what may go out; and that was seen. */
function nothingLeaked(t: Test, lines: readonly string[]): void {
  const free = [STRAIGHT_PORT, INBOUND_PORT]
  for (const port of free) {
    const some = lines.some((line) => hasPort(line, port))
    t.ok(some, `the capture sees what may go out: port ${port}`)
  }
  const leaked = lines.filter((line) => !free.some((port) => hasPort(line, port)))
  t.strictSame(leaked.slice(0, 20), [], `nothing else, ${leaked.length} packets`)
}

/** The web server talks, the LAN's host serves, and its connections are there before the kill switch is. */
async function talking(t: Test, { lan, web }: Site): Promise<void> {
  const node = (where: Namespace, code: string, ...args: (string | number)[]): [string, string[]] => {
    const [ip = '', ...rest] = [...where.prefix, process.execPath, '-e', code, ...args.map(String)]
    return [ip, rest]
  }
  await serve(t, ...node(web, SERVERS, STRAIGHT_PORT, CHATTY_PORT), /^up$/)
  await serve(t, ...node(lan, SERVERS, INBOUND_PORT, 0), /^up$/)
  await serve(t, ...node(lan, TALKER, CHATTY_PORT, '10.97.4.2', 'fd97:4::2'), /^fd97/)
}

void t.test('nothing of the LAN goes past the service', { timeout: 300_000 }, async (t) => {
  const place = await site(t)
  const { router: host, proxy } = place
  host.setSysctl('net.ipv4.conf.all.rp_filter', 2)
  proxy.run('ip', 'route', 'add', '10.97.1.0/24', 'via', '10.97.2.1')
  proxy.run('ip', '-6', 'route', 'add', 'fd97:1::/64', 'via', 'fd97:2::1')
  await socksProxy(t, place)
  await talking(t, place)
  const before = await hostStateOf(netnsRunner(localRunner, host.name))

  for (const intercept of ['redirect', 'tproxy'] as const) {
    await t.test(intercept, async (t) => {
      const router = routerOf(t, place, intercept)
      router.configure('[::]')
      await router.mptk('apply', '--without-services')
      const stop = await captured(t, router)
      await withoutService(t, router, intercept)
      await withService(t, router)
      const service = await ipv4Only(t, router)

      nothingLeaked(t, await stop())
      await bothGone(t, router)
      await ended(service, 'SIGKILL')
      await router.mptk('revert')
      t.strictSame(stateChanges(before, await hostStateOf(netnsRunner(localRunner, host.name))), [])
    })
  }
})
