/** The promise of `--confirm-within` is kept whatever ends the caller: its processes, its session, its control group. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import type { EnginePlace } from '../../../provisioning/engine-place.js'
import { startGuard } from '../../../provisioning/state-folder.js'
import { localRunner } from '../../../src/exec.js'
import { endWait, guardOf } from '../../support/guard.js'
import { Namespace } from '../../support/netns.js'
import { cgroupRoot, OwnSystemd } from '../../support/own-systemd.js'
import { run } from '../../support/process.js'
import { ProvisionedHost } from '../../support/provisioned-host.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

/** In a control group of its own, as a container's or a session's processes are. */
const IN_GROUP = 'echo "$$" >"$1/cgroup.procs" && shift && exec "$@"'

/** Ends all in it, as whoever runs containers or sessions does. */
async function killGroup(group: string): Promise<void> {
  writeFileSync(join(group, 'cgroup.kill'), '1')
  await until('nobody in it', () =>
    readFileSync(join(group, 'cgroup.events'), 'utf8').includes('populated 0') ? undefined : 'some',
  )
}

void t.test('without systemd', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const group = join(cgroupRoot(), host.namespace.name)
  mkdirSync(group)
  t.teardown(() => rmdirSync(group))
  const args = host.args('apply', '--confirm-within', '600s')
  const applied = await run(t, args, { prefix: ['sh', '-c', IN_GROUP, 'sh', group] })
  t.equal(applied.code, 0, applied.stderr)
  await killGroup(group)

  const { who } = guardOf(host.state)
  t.match((await host.mptk('status')).stdout, `will be undone by process ${who} in `)
  const [service = ''] = readFileSync(join(host.state, 'mptk.pid'), 'utf8').split(' ')
  t.ok(existsSync(`/proc/${service}/root`), 'nor was the service ended, which has no supervisor')
  await endWait(host.state)
  await until('the guard', () => (existsSync(dirname(host.state)) ? 'not done' : undefined))
  t.strictSame(await host.changedSince(before), [])
})

void t.test('an apply killed in the middle is undone by the guard', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const apply = host.start(host.args('apply', '--confirm-within', '600s'))
  await apply.stdout.find(/^mptcp endpoint/)
  process.kill(apply.pid, 'SIGKILL')
  await apply.ended
  t.match((await host.mptk('status')).stdout, /^being applied from .*, or broken off/m)
  t.match(await host.mptk('confirm'), { code: 1, stderr: /has not finished, or broke off/ })
  await endWait(host.state)
  await until('the guard', () => (existsSync(dirname(host.state)) ? 'not done' : undefined))
  t.strictSame(await host.changedSince(before), [])
})

void t.test('in a container', async (t) => {
  const state = scratchFolder(t)
  const inContainer = (...more: string[]): EnginePlace => ({
    runner: {
      run: (argv, options) =>
        localRunner.run(['unshare', '--pid', '--fork', '--mount-proc', ...more, '--', ...argv], options),
      spawn: (argv, options) => localRunner.spawn(argv, options),
    },
    state,
    systemd: false,
    epoch: 'of no meaning here',
  })
  t.match(
    await startGuard(inContainer('--net'), 'ab', 600),
    /^the guard ends with this container \(its first process is \w+\)/,
    'its own network goes with it',
  )
  // only where the tests run on the machine's own network can a container share that
  if (!existsSync('/proc/sys/net/core/netdev_budget')) return
  await t.rejects<unknown>(startGuard(inContainer(), 'cd', 600), {
    code: 'MPTK_APPLY',
    message:
      /^--confirm-within: nobody here could keep that promise: this is a container on the host's own network/,
  })
  t.strictSame(
    readdirSync(state).filter((name) => name.includes('cd')),
    [],
    'and nothing is left of it',
  )
})

const CONFIG = '/etc/mptk/mptk.yaml'
const CONFIGURED = stringify({
  host: { setup: 'proxy', sysctls: { 'net.ipv4.tcp_keepalive_time': 600 }, manager: 'none' },
  services: [{ type: 'socks5', listen: '127.0.0.1:1080' }],
})

void t.test('with systemd', async (t) => {
  const network = new Namespace(t, 'host')
  const folder = scratchFolder(t)
  const systemd = await OwnSystemd.boot(t, network, folder)
  await systemd.write(CONFIG, CONFIGURED)
  const mptk = (...args: string[]) => run(t, args, { prefix: systemd.prefix })
  const keepalive = () => network.run('sysctl', '-n', 'net.ipv4.tcp_keepalive_time').trim()
  const was = keepalive()
  const state = join(folder, 'lib/mptk')
  const unit = (): string => `mptk-undo-${guardOf(state).token}.service`
  const active = async (name: string): Promise<string> =>
    (await systemd.runner.run(['systemctl', 'is-active', name], { reject: false })).stdout

  const apply = ['apply', '--config', CONFIG, '--confirm-within', '600s']
  t.match(await mptk(...apply), { code: 0, stderr: '' })
  t.match(guardOf(state), { kind: 'unit', who: unit() })
  t.equal(await active(unit()), 'active')
  t.match(
    await systemd.run('systemctl', 'status', unit()),
    /CGroup: \/system\.slice\/mptk-undo-/,
    'in a group of its own',
  )
  t.match((await mptk('status')).stdout, `will be undone by unit ${unit()} in `)
  t.match(await mptk('confirm'), { code: 0, stdout: 'confirmed: it stays\n' })
  t.equal(await systemd.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'mptk-undo-*'), '')
  t.equal(keepalive(), '600')
  t.match(await mptk('revert'), { code: 0 })

  t.match(await mptk(...apply), { code: 0, stderr: '' })
  const guard = unit()
  const pid = async (): Promise<string> =>
    systemd.run('systemctl', 'show', '--value', '--property=MainPID', guard)
  const first = await pid()
  await systemd.run('kill', '-KILL', first)
  await until('another process in its place', async () => {
    const now = await pid()
    return now === '0' || now === first ? now : undefined
  })
  const token = guardOf(state).token
  await systemd.run('sh', '-c', 'echo 0 >"$1"', 'sh', `/var/lib/mptk/deadline-${token}`)
  await systemd.run('systemctl', 'kill', '--signal=KILL', guard)
  await until('the guard', () => (existsSync(state) ? 'not done' : undefined))
  t.equal(keepalive(), was)
  t.equal(await systemd.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'mptk-undo-*'), '')
})
