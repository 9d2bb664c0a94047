/** The router model's data service, for a LAN host without MPTCP: REDIRECT and TPROXY, IPv4 and IPv6. */
import t, { type Test } from 'tap'
import type { SessionRecord } from '../../../proxy/session.js'
import type { BuiltProxy } from '../../support/built-proxy.js'
import { bodyOf } from '../../support/held-web.js'
import type { Gotten } from '../../support/parallel-get.js'
import { runTool } from '../../support/tools.js'
import { until } from '../../support/until.js'
import {
  WEB,
  WEB_PORT,
  IPERF_PORTS,
  PORT,
  SOCKS,
  type Site,
  program,
  site,
  socksProxy,
  routerService,
  setUp,
  curl,
  page,
} from '../../support/transparent-site.js'

const PARALLEL = 500
/** Of curl: the connection was reset while it waited for an answer, before it had asked, or before it had looked at it. */
const RESET = [56, 55, 7]

/** The record of the latest session, once there are so many. */
async function record(service: BuiltProxy, count: number): Promise<SessionRecord> {
  await until(`${count} records`, () =>
    service.records.length >= count ? undefined : `${service.records.length}`,
  )
  const latest = service.records[count - 1]
  if (latest === undefined) throw new Error('no record')
  return latest
}

/** The client sees a reset; what the service says of it. */
async function reset(t: Test, site: Site, service: BuiltProxy, url: string): Promise<SessionRecord> {
  const before = service.records.length
  const { code } = await curl(site, url)
  t.ok(code !== undefined && RESET.includes(code), `${url}: a reset, curl says ${code}`)
  return record(service, before + 1)
}

/** One page over each family, with the record of each. */
async function pages(t: Test, site: Site, service: BuiltProxy, what: string): Promise<SessionRecord[]> {
  const records = []
  for (const web of WEB) {
    const before = service.records.length
    const { code, body } = await curl(site, page(web, what))
    t.equal(code, 0, `${what}: ${web}`)
    t.ok(body.equals(bodyOf(what)), `${what}: the page of ${web}`)
    records.push(await record(service, before + 1))
  }
  return records
}

interface Status {
  services: { upstream?: { state: string; error?: string } }[]
  sessions: { remote?: { protocol: string; subflows: { local: { address: string } }[] } }[]
}

async function status(service: BuiltProxy): Promise<Status> {
  return JSON.parse(await service.page('/status')) as Status
}

async function ownAddressRefused(t: Test, site: Site, service: BuiltProxy): Promise<void> {
  for (const own of ['10.97.1.1', '[fd97:1::1]']) {
    const refused = await reset(t, site, service, `http://${own}:${PORT}/`)
    t.match(refused, { outcome: 'handshake', up: 0, down: 0 })
    t.equal(refused.error?.replace(/:5201 itself: .*/, ''), `the client connected to ${own}`)
  }
  // an address that the firewall lets in, to be refused by the rules or for being the listener
  t.match(await reset(t, site, service, `http://10.97.2.1:${PORT}/`), { outcome: /^(handshake|denied)$/ })
}

async function bothUplinks(t: Test, site: Site, service: BuiltProxy): Promise<void> {
  const held = curl(site, page(WEB[0], 'one', 2))
  await until('a session over both uplinks', async () => {
    const { sessions } = await status(service)
    const locals = sessions[0]?.remote?.subflows.map(({ local }) => local.address).sort() ?? []
    return locals.join() === '10.97.2.1,10.97.3.1' ? undefined : JSON.stringify(sessions)
  })
  t.equal((await curl(site, page(WEB[1], 'two', 2))).code, 0)
  t.ok((await held).body.equals(bodyOf('one')))
}

/** A shortage of the router's own is no reason to go past the upstream. */
async function noPortLeft(t: Test, site: Site, service: BuiltProxy, far: BuiltProxy): Promise<void> {
  const range = site.router.run('sysctl', '-n', 'net.ipv4.ip_local_port_range').trim()
  site.router.setSysctl('net.ipv4.ip_local_port_range', '61500 61500')
  const held = curl(site, page(WEB[0], 'held', 2))
  // asked of the proxy: a connection to the router's status would need a port of the router's too
  await until('the only port is taken', async () => {
    const { sessions } = await status(far)
    return sessions[0]?.remote === undefined ? JSON.stringify(sessions) : undefined
  })
  const refused = await reset(t, site, service, page(WEB[0], 'none'))
  t.match(refused, { outcome: 'unreachable', error: /^cannot dial the upstream proxy .*EADDRNOTAVAIL/ })
  site.router.setSysctl('net.ipv4.ip_local_port_range', range)
  t.match((await status(service)).services, [{ upstream: { state: 'up' } }])
  t.equal((await curl(site, page(WEB[0], 'free', 2))).code, 0)
  t.equal((await held).code, 0)
}

async function manyAtOnce(t: Test, site: Site): Promise<void> {
  const origins = WEB.map((web) => `http://${web}:${WEB_PORT}`)
  const { stdout, stderr } = await runTool(...program(site.lan, 'parallel-get.ts', PARALLEL, ...origins))
  t.equal(stderr, '')
  t.strictSame(JSON.parse(stdout.toString()), { right: PARALLEL, wrong: {} } satisfies Gotten)
}

async function iperf(t: Test, { lan }: Site): Promise<void> {
  for (const [port, direction] of [
    [IPERF_PORTS.up, []],
    [IPERF_PORTS.down, ['-R']],
  ] as const) {
    const [ip = '', ...inLan] = lan.prefix
    const args = ['iperf3', '-J', '-c', WEB[0], '-p', String(port), '-n', '200M', ...direction]
    const { code, stdout } = await runTool(ip, [...inLan, ...args])
    t.equal(code, 0, `iperf3 ${direction.join()}`)
    const { end } = JSON.parse(stdout.toString()) as { end: { sum_received: { bytes: number } } }
    // the client ends the test when it has written everything, wherever that is by then
    t.ok(end.sum_received.bytes >= 100 * 1024 * 1024, `iperf3 ${direction.join()}: received`)
  }
}

for (const intercept of ['redirect', 'tproxy'] as const) {
  void t.test(intercept, async (t) => {
    const place = await site(t)
    await setUp(place, intercept)
    const far = await socksProxy(t, place)
    const service = await routerService(t, place, intercept, intercept === 'redirect' ? 'refuse' : 'direct')
    const idle = [service, far].map((each) => [each, each.descriptors()] as const)
    t.match((await status(service)).services, [{ upstream: { state: 'untried' } }])

    for (const [index, each] of (await pages(t, place, service, 'first')).entries()) {
      t.match(each, {
        outcome: 'eof',
        destination: `${WEB[index]}:${WEB_PORT}`,
        client: { protocol: 'tcp' },
        remote: { address: SOCKS, protocol: 'mptcp' },
      })
    }
    await ownAddressRefused(t, place, service)
    await bothUplinks(t, place, service)
    await iperf(t, place)
    await manyAtOnce(t, place)
    for (const [each, before] of idle) await each.settled(before)

    t.match(await reset(t, place, service, `http://${WEB[0]}:81/`), {
      outcome: 'unreachable',
      error: /answered 5 \(connectionRefused\)/,
    })
    t.match((await status(service)).services, [{ upstream: { state: 'up' } }], 'the upstream did its part')

    if (intercept === 'tproxy') await noPortLeft(t, place, service, far)
    // records are told apart by their number: none may be on its way still
    for (const [each, before] of idle) await each.settled(before)

    await far.stop()
    if (intercept === 'redirect') {
      for (const web of [...WEB, ...WEB]) {
        const refused = await reset(t, place, service, page(web, 'none'))
        t.match(refused, { outcome: 'unreachable', error: /cannot be reached: .*ECONNREFUSED/ })
      }
    } else {
      for (const each of await pages(t, place, service, 'straight')) {
        t.match(each, { outcome: 'eof', remote: { protocol: 'tcp', address: each.destination } })
      }
    }
    t.match((await status(service)).services, [{ upstream: { state: 'down', error: /ECONNREFUSED/ } }])
    t.equal(await service.metric('mptk_upstream_up', { service: 'transparent' }), 0)

    await socksProxy(t, place)
    await until('the proxy is found again', async () => {
      const [{ upstream } = {}] = (await status(service)).services
      return upstream?.state === 'up' ? undefined : upstream?.state
    })
    for (const each of await pages(t, place, service, 'again')) {
      t.match(each, { outcome: 'eof', remote: { address: SOCKS, protocol: 'mptcp' } })
    }
    t.equal(await service.metric('mptk_upstream_up', { service: 'transparent' }), 1)
    const said = service.complaints.flatMap((line) => {
      const { msg } = JSON.parse(line) as { msg: string }
      return /upstream/.test(msg) ? [msg.replace(/:.*/, '')] : []
    })
    t.strictSame(
      said,
      ['the upstream proxy cannot be reached', 'the upstream proxy answers again'],
      'said once',
    )
    t.match(await service.stop(), { code: 0 })
  })
}
