/** The router set-up under a real systemd: its units start, do their work within their bounds, and go without a trace. */
import t from 'tap'
import { stringify } from 'yaml'
import { bodyOf } from '../../support/held-web.js'
import { hostStateOf, stateChanges } from '../../support/host-state.js'
import { OwnSystemd } from '../../support/own-systemd.js'
import { run, type Ended } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { runTool } from '../../support/tools.js'
import { PORT, SOCKS, WEB, curl, page, site, socksProxy } from '../../support/transparent-site.js'
import { until } from '../../support/until.js'

const CONFIG = '/etc/mptk/mptk.yaml'
const PASSWORD = '/etc/mptk/upstream.password'
const FOLDERS = ['/etc/systemd', '/etc/mptk', '/var/lib', '/tmp/mptk']

const configured = (more: object = {}): string =>
  stringify({
    host: {
      setup: 'router',
      uplinks: { l2: {}, l3: { gateway: '10.97.3.2' } },
      lan: { interfaces: 'l1', dns: { servers: '10.97.4.2' } },
    },
    services: [
      {
        type: 'transparent',
        listen: `[::]:${PORT}`,
        upstream: { type: 'socks5', address: SOCKS, username: 'branch', passwordFile: PASSWORD, ...more },
      },
    ],
    status: { listen: '127.0.0.1:9400' },
  })

/** A session's record. */
const OVER_MPTCP = /"remote":\{[^}]*"protocol":"mptcp".*session ended/

/** A session ends after the page that it brought, and its record takes its time by way of the journal. */
async function untilOverMptcp(systemd: OwnSystemd): Promise<void> {
  await until('a session over MPTCP to be told of', async () => {
    const journal = await systemd.run('journalctl', '--output=cat', '--unit=mptk')
    return OVER_MPTCP.test(journal) ? undefined : journal
  })
}

const rulesOf = (systemd: OwnSystemd): Promise<string> => systemd.run('sh', '-c', 'ip -4 rule && ip -6 rule')

/** From the LAN's DNS server: it answers for private addresses by itself. */
const ASK = `
const resolver = new (require('node:dns').promises.Resolver)({ timeout: 3000, tries: 1 })
resolver.setServers(['10.97.1.1'])
resolver.reverse('10.1.2.3').then(console.log, ({ code }) => console.log(code))
`

void t.test('a router under systemd', async (t) => {
  const folder = scratchFolder(t)
  const network = await site(t)
  await socksProxy(t, network)
  const systemd = await OwnSystemd.boot(t, network.router, folder)
  const mptk = (...args: string[]): Promise<Ended> => run(t, args, { prefix: systemd.prefix })
  const property = async (unit: string, name: string): Promise<string> =>
    systemd.run('systemctl', 'show', '--value', `--property=${name}`, unit)
  const settled = (): Promise<void> =>
    until('addresses to settle', () => {
      const addresses = network.router.run('ip', '-6', 'address', 'show', 'tentative')
      return addresses === '' ? undefined : addresses
    })
  await settled()
  await systemd.write(PASSWORD, 'secret\n')
  await systemd.write(CONFIG, configured({ congestion: 'nosuchalgo' }))
  const before = await hostStateOf(systemd.runner, ...FOLDERS)
  const changed = async (): Promise<string[]> =>
    stateChanges(before, await hostStateOf(systemd.runner, ...FOLDERS))

  await t.test('one that does not start says why, and leaves nothing', async (t) => {
    const { code, stderr } = await mptk('apply', '--config', CONFIG)
    t.equal(code, 1)
    t.match(
      stderr,
      /^mptk: service mptk: until it listens on tcp \[::\]:5201, .*this kernel has no congestion control "nosuchalgo"/,
      'from the journal',
    )
    t.strictSame(await changed(), [])
  })

  await t.test('a unit that somebody masked stays so', async (t) => {
    await systemd.run('systemctl', 'mask', 'mptk-host.service')
    const { code, stderr } = await mptk('apply', '--config', CONFIG)
    t.equal(code, 1)
    t.match(
      stderr,
      /boot mptk-host: \/etc\/systemd\/system\/mptk-host.service is a symbolic link to \/dev\/null/,
    )
    await systemd.run('systemctl', 'unmask', 'mptk-host.service')
    t.strictSame(await changed(), [])
  })

  await systemd.write(CONFIG, configured())
  const start = await hostStateOf(systemd.runner, ...FOLDERS)
  await t.test('applied', async (t) => {
    t.match(await mptk('apply', '--config', CONFIG), { code: 0, stderr: '' })
    for (const unit of ['mptk', 'mptk-keep', 'mptk-dns'])
      t.equal(await property(unit, 'ActiveState'), 'active', unit)
    for (const unit of ['mptk', 'mptk-keep', 'mptk-dns', 'mptk-host', 'mptk-barrier']) {
      t.equal(await property(unit, 'UnitFileState'), 'enabled', unit)
    }
    t.match(await mptk('apply', '--config', CONFIG), { code: 0, stdout: /^nothing to do: \d+ as wanted$/m })
    t.equal((await mptk('status')).code, 0)
  })

  await t.test('does its work', async (t) => {
    t.same((await curl(network, page(WEB[0], 'four'))).body, bodyOf('four'), 'TCP of the LAN, IPv4')
    t.same((await curl(network, page(WEB[1], 'six'))).body, bodyOf('six'), 'IPv6')
    await untilOverMptcp(systemd)
    const [ip = '', ...inLan] = network.lan.prefix
    const { stdout } = await runTool(ip, [...inLan, process.execPath, '-e', ASK])
    t.equal(stdout.toString().trim(), 'ENOTFOUND', 'names for the LAN')
    t.match(
      await systemd.run('sysctl', 'net.ipv4.tcp_fastopen_key'),
      /= (00000000-?){4}$/,
      'no key was drawn',
    )
  })

  await t.test('keeps the uplinks right with no more than CAP_NET_ADMIN', async (t) => {
    t.equal(await property('mptk', 'CapabilityBoundingSet'), '')
    t.equal(await property('mptk-keep', 'CapabilityBoundingSet'), 'cap_net_admin')
    const endpoints = (): string => network.router.run('ip', 'mptcp', 'endpoint')
    t.match(endpoints(), /^10\.97\.2\.1 .*dev l2/m)
    network.router.run('ip', 'link', 'set', 'l2', 'down')
    await until('l2 to be no endpoint', () => (endpoints().includes('dev l2') ? endpoints() : undefined))
    network.router.run('ip', 'link', 'set', 'l2', 'up')
    network.router.run('ip', 'route', 'add', 'default', 'via', '10.97.2.2')
    await until('l2 to be one again', () =>
      /10\.97\.2\.1 .*dev l2/.test(endpoints()) ? undefined : endpoints(),
    )
  })

  await t.test('keeps the LAN in from the beginning of the next boot', async (t) => {
    const barriers = (): string =>
      network.router.run('sh', '-c', 'for f in 4 6; do ip -$f rule; done | grep unr')
    const applied = barriers()
    t.match(applied, /^(5218:.* iif l1 ipproto tcp unreachable\n){2}$/)
    // which sets them again at once, and is not there yet so early
    await systemd.run('systemctl', 'stop', 'mptk-keep')
    for (const family of ['-4', '-6']) network.router.run('ip', family, 'rule', 'delete', 'priority', '5218')
    await systemd.run('systemctl', 'start', 'mptk-barrier')
    t.equal(barriers(), applied)
    t.match(await property('mptk-barrier', 'Before'), /network-pre\.target/, 'before any network manager')
    await systemd.run('systemctl', 'start', 'mptk-keep')
  })

  await t.test('is started again when it is killed', async () => {
    const pid = await property('mptk', 'MainPID')
    await systemd.run('kill', '-KILL', pid)
    await until('another process', async () => {
      const now = await property('mptk', 'MainPID')
      return now !== pid && now !== '0' ? undefined : now
    })
    await until('the LAN to be served', async () => {
      const { code } = await curl(network, page(WEB[0], 'again'))
      return code === 0 ? undefined : `curl ends with ${code}`
    })
  })

  await t.test('reverted', async (t) => {
    t.match(await mptk('revert'), { code: 0, stderr: '' })
    t.equal(await systemd.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'mptk*'), '')
    await settled()
    const now = await hostStateOf(systemd.runner, ...FOLDERS)
    // l2 was down and up: its IPv6 addresses and routes went with it
    const own = (line: string): boolean => !/l2|fd97:2:|^[+-] default via fd97:2/.test(line)
    t.strictSame(stateChanges(start, now).filter(own), [])
  })
})

void t.test('the same router after a reboot', async (t) => {
  const folder = scratchFolder(t)
  {
    const network = await site(t)
    await socksProxy(t, network)
    const systemd = await OwnSystemd.boot(t, network.router, folder)
    await systemd.write(PASSWORD, 'secret\n')
    await systemd.write(CONFIG, configured())
    t.match(await run(t, ['apply', '--config', CONFIG], { prefix: systemd.prefix }), { code: 0 })
    await systemd.end()
  }
  // nothing of the kernel's settings is there any more: another network of the same kind
  const network = await site(t)
  await socksProxy(t, network)
  const systemd = await OwnSystemd.boot(t, network.router, folder)
  await until('the host to be as configured', async () => {
    const { code, stdout, stderr } = await run(t, ['status'], { prefix: systemd.prefix })
    return code === 0 ? undefined : `${stdout}${stderr}`
  })
  t.same((await curl(network, page(WEB[0], 'again'))).body, bodyOf('again'), 'the LAN is served')
  await untilOverMptcp(systemd)
  const started = async (unit: string): Promise<number> =>
    Number(await systemd.run('systemctl', 'show', '--value', '-p', 'ExecMainStartTimestampMonotonic', unit))
  const [barrier, rest] = [await started('mptk-barrier'), await started('mptk-host')]
  t.ok(barrier > 0 && barrier < rest, 'the LAN was kept in before that')
  t.match(await rulesOf(systemd), /^5218:.* unreachable$/m)
  t.match(await run(t, ['revert'], { prefix: systemd.prefix }), { code: 0, stderr: '' })
  t.notMatch(await rulesOf(systemd), /^52/m)
  t.equal(await systemd.run('nft', 'list', 'ruleset'), '')
  t.equal(await systemd.run('ip', 'mptcp', 'endpoint'), '')
  t.equal(await systemd.run('find', '/etc/systemd/system', '/var/lib', '-type', 'f'), '', 'no file is left')
})

void t.test('one that was not confirmed, after a reboot', async (t) => {
  const folder = scratchFolder(t)
  {
    const network = await site(t)
    const systemd = await OwnSystemd.boot(t, network.router, folder)
    await systemd.write(PASSWORD, 'secret\n')
    await systemd.write(CONFIG, configured())
    const args = ['apply', '--config', CONFIG, '--confirm-within', '600s']
    t.match(await run(t, args, { prefix: systemd.prefix }), { code: 0 })
    await systemd.end()
  }
  const network = await site(t)
  const systemd = await OwnSystemd.boot(t, network.router, folder)
  await until('everything to be put back', async () => {
    const { stdout } = await run(t, ['status'], { prefix: systemd.prefix })
    return stdout.includes('nothing is applied here') ? undefined : stdout
  })
  t.equal(await systemd.run('systemctl', 'list-units', '--plain', '--no-legend', 'mptk.service'), '')
  t.notMatch(await rulesOf(systemd), /^52/m, 'the barrier too, which was there before')
  t.equal(await systemd.run('nft', 'list', 'ruleset'), '')
  t.equal(await systemd.run('ip', 'mptcp', 'endpoint'), '')
  t.equal(await systemd.run('find', '/etc/systemd/system', '/var/lib', '-type', 'f'), '', 'no file is left')
})
