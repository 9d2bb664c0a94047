/** The units under a real systemd: who they run as, what they may do, and that they do their work all the same. */
import t from 'tap'
import { stringify } from 'yaml'
import { Namespace } from '../../support/netns.js'
import { OwnSystemd } from '../../support/own-systemd.js'
import { run } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

const CONFIG = '/etc/mptk/mptk.yaml'
const USERS = '/etc/mptk/users.yaml'
const CONFIGURED = stringify({
  host: { setup: 'proxy' },
  services: [{ type: 'socks5', listen: '127.0.0.1:1080', usersFile: USERS }],
  status: { listen: '127.0.0.1:80' },
})
/** CAP_NET_BIND_SERVICE: the status address is below 1024. */
const BIND = 1n << 10n

/** 0 best, 10 worst, of systemd-analyze security. */
async function exposure(systemd: OwnSystemd, unit: string): Promise<number> {
  const { stdout } = await systemd.runner.run(['systemd-analyze', 'security', '--no-pager', unit], {
    reject: false,
  })
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
}

void t.test('a proxy under systemd', async (t) => {
  const network = new Namespace(t, 'host')
  const systemd = await OwnSystemd.boot(t, network, scratchFolder(t))
  const mptk = (...args: string[]) => run(t, args, { prefix: systemd.prefix })
  await systemd.write(CONFIG, CONFIGURED)
  await systemd.write(USERS, 'alice: { password: secret }\n')
  const applied = await mptk('apply', '--config', CONFIG)
  t.equal(applied.code, 0, applied.stderr)
  // a checkout in somebody's home or in /tmp cannot be run by a user of its own, and that is told
  const asRoot = /nobody but root can run/.test(applied.stdout + applied.stderr)

  await t.test(
    'the service is nobody in particular, with no more than its configuration needs',
    async (t) => {
      const pid = await systemd.run('systemctl', 'show', '--value', '--property=MainPID', 'mptk')
      const status = await systemd.run('cat', `/proc/${pid}/status`)
      const [uid = '0'] = /^Uid:\t(\d+)/m.exec(status)?.slice(1) ?? []
      if (asRoot) t.equal(uid, '0', 'root, without what makes root')
      else t.ok(Number(uid) >= 61_184 && Number(uid) <= 65_519, `a user that systemd made: ${uid}`)
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        t.equal(BigInt(`0x${new RegExp(`^${set}:\\t(\\w+)`, 'm').exec(status)?.[1] ?? 'f'}`), BIND, set)
      }
      t.match(status, /^NoNewPrivs:\t1$/m)
      t.match(status, /^Seccomp:\t2$/m)
      const { exitCode } = await systemd.runner.run(
        ['setpriv', `--reuid=${uid}`, '--clear-groups', 'cat', CONFIG],
        { reject: false },
      )
      t.equal(exitCode !== 0, !asRoot, 'whose files stay root’s: systemd reads them for it')
    },
  )

  await t.test('it knows its users, and serves', async (t) => {
    const curl = async (user: string) =>
      systemd.runner.run(
        ['curl', '-sS', '-m', '20', '-x', `socks5h://${user}@127.0.0.1:1080`, 'http://127.0.0.1/healthz'],
        { reject: false },
      )
    t.match(
      (await curl('alice:secret')).stderr,
      /\(2\)$/,
      'is known, and denied this host (RFC 1928: not allowed)',
    )
    t.match((await curl('alice:wrong')).stderr, /User was rejected/)
    t.equal(await systemd.run('curl', '-sS', 'http://127.0.0.1/healthz'), 'ok')
  })

  await t.test('how exposed they are', async (t) => {
    const service = await exposure(systemd, 'mptk.service')
    t.ok(service <= 2.5, `mptk.service ${service}`)
    const keep = await exposure(systemd, 'mptk-keep.service')
    t.ok(keep <= 3.5, `mptk-keep.service ${keep}, which is root without root's capabilities`)
    const host = await exposure(systemd, 'mptk-host.service')
    t.ok(host <= 6, `mptk-host.service ${host}, which sets up a network, loads modules and writes units`)
    t.comment(`exposure: mptk.service ${service}, mptk-keep.service ${keep}, mptk-host.service ${host}`)
  })

  await t.test('the keeper mends what somebody changes, within its bounds', async (t) => {
    network.run('sysctl', '-qw', 'net.mptcp.enabled=0')
    await until('MPTCP to be on again', () => {
      const now = network.run('sysctl', '-n', 'net.mptcp.enabled').trim()
      return now === '1' ? undefined : now
    })
    t.match(
      await systemd.run('curl', '-sS', 'http://127.0.0.1/status'),
      /"state": "keeps"/,
      'and the service knows of it',
    )
  })

  await t.test('the unit of the boot does its work within its bounds', async (t) => {
    await systemd.run('systemctl', 'stop', 'mptk-keep')
    network.run('sysctl', '-qw', 'net.mptcp.enabled=0')
    await systemd.run('systemctl', 'start', 'mptk-host')
    t.equal(network.run('sysctl', '-n', 'net.mptcp.enabled').trim(), '1')
    await until('it to be done', async () => {
      const now = await systemd.run('systemctl', 'show', '--value', '--property=ActiveState', 'mptk-host')
      return now === 'inactive' ? undefined : now
    })
    t.equal(await systemd.run('systemctl', 'is-active', 'mptk-keep'), 'active', 'the keeper too')
    t.match(await mptk('status'), { code: 0 })
  })

  t.match(await mptk('revert'), { code: 0, stderr: '' })
  t.equal(await systemd.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'mptk*'), '')
})
