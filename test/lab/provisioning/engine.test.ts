/** `mptk plan, apply, confirm, status, revert` on a host of its own. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { KillingFlock } from '../../support/killing-flock.js'
import { run } from '../../support/process.js'
import { BROKEN, ProvisionedHost } from '../../support/provisioned-host.js'
import { scratchFolder } from '../../support/scratch.js'
import { endWait } from '../../support/guard.js'
import { runTool } from '../../support/tools.js'
import { until } from '../../support/until.js'

void t.test('there and back, with others’ settings untouched', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const foreign = host.foreign()

  const plan = await host.mptk('plan', '--exit-code')
  t.equal(plan.code, 3, plan.stderr)
  t.match(plan.stdout, /^ip mptcp endpoint add 10\.71\.1\.1 id 200 dev l1 /m)
  t.strictSame(await host.changedSince(before), [], 'a plan changes nothing')
  t.equal((await host.mptk('apply', '--dry-run')).stdout, plan.stdout)
  t.strictSame(await host.changedSince(before), [], 'nor does a dry run')

  const applied = await host.mptk('apply')
  t.equal(applied.code, 0, applied.stderr)
  t.match(host.namespace.run('ip', 'mptcp', 'endpoint'), /10\.71\.1\.1 id 200 subflow .*dev l1/)
  t.equal(host.namespace.run('sysctl', '-n', 'net.ipv4.tcp_keepalive_time'), '600\n')
  t.equal(statSync(join(host.state, 'journal.json')).mode & 0o777, 0o600)
  t.equal(statSync(join(host.state, 'undo.sh')).mode & 0o777, 0o600)
  t.equal(host.foreign(), foreign)

  const once = await host.snapshot()
  const again = await host.mptk('apply')
  t.match(again, { code: 0, stdout: /^nothing to do: \d+ as wanted$/m })
  t.strictSame(await host.changedSince(once), [])
  t.match(await host.mptk('plan', '--exit-code'), { code: 0 })
  t.match(await host.mptk('status'), { code: 0, stdout: /^ok +mptcp endpoint 200$/m })

  const reverted = await host.mptk('revert')
  t.equal(reverted.code, 0, reverted.stderr)
  t.strictSame(await host.changedSince(before), [])
  t.match(await host.mptk('revert'), { code: 0, stdout: 'nothing to revert: nothing is applied here\n' })
  t.match(await host.mptk('status', '--json'), { code: 1, stdout: '{\n  "state": "none"\n}\n' })
  t.strictSame(await host.changedSince(before), [])
})

void t.test('drift is named; of an uplink it is the life it leads', async (t) => {
  const host = new ProvisionedHost(t)
  await host.mptk('apply')
  // which would set again at once what somebody changes
  await host.killService()
  host.namespace.setSysctl('net.ipv4.tcp_keepalive_time', 700)
  host.namespace.run('ip', 'mptcp', 'endpoint', 'delete', 'id', '200')
  const { code, stdout } = await host.mptk('status')
  t.equal(code, 1)
  t.match(stdout, /^DRIFT +sysctl net\.ipv4\.tcp_keepalive_time: is 700, was set to 600$/m)
  t.match(stdout, /^live +mptcp endpoint 200: is absent/m)
  t.match(await host.mptk('apply'), { code: 0, stdout: /tcp_keepalive_time: 700 → 600/ })
  t.match(await host.mptk('status'), { code: 0 })

  const written = readFileSync(host.config, 'utf8')
  writeFileSync(host.config, written.replace('tcp_keepalive_time: 600', 'tcp_keepalive_time: 500'))
  const edited = await host.mptk('status')
  t.equal(edited.code, 1)
  t.match(
    edited.stdout,
    `edit   service mptk: ${host.config} has changed since it was applied: mptk apply --config ${host.config}\n`,
  )
  t.notMatch(edited.stdout, 'DRIFT', 'somebody has edited a file, nothing has drifted')
})

void t.test('a step that fails takes everything back', async (t) => {
  const host = new ProvisionedHost(t)
  writeFileSync(host.config, readFileSync(host.config, 'utf8').replace(...BROKEN))
  const before = await host.snapshot()
  const failed = await host.mptk('apply')
  t.equal(failed.code, 1)
  t.match(failed.stderr, /^mptk: service mptk: .*\(everything was undone\)\n$/)
  t.strictSame(await host.changedSince(before), [])
})

void t.test('another configuration, and back in one step', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  await host.mptk('apply')
  const first = await host.snapshot()
  const config = readFileSync(host.config, 'utf8')
  const other = config.replace('l2: { role: backup', 'l2: { role: normal').replace(/ {2}sysctls:.*\n/, '')

  await t.test('failing, back to the first', async (t) => {
    const broken = join(host.folder, 'broken.yaml')
    writeFileSync(broken, other.replace(...BROKEN))
    const failed = await host.mptk('apply', '--config', broken)
    t.match(failed, { code: 1, stderr: /^mptk: service mptk: .*\(everything was undone\)\n$/ })
    writeFileSync(broken, '')
    const changes = await host.changedSince(first)
    t.strictSame(
      changes.filter((each) => !/broken\.yaml|\/mptk\.(log|pid|digest)\b|journal|undo\.sh/.test(each)),
      [],
    )
    t.match(await host.mptk('status'), { code: 0 })
    await runTool('rm', [broken])
  })

  writeFileSync(host.config, other)
  t.match(await host.mptk('apply'), { code: 0, stdout: /no longer wanted/ })
  t.notMatch(host.namespace.run('ip', 'mptcp', 'endpoint'), /backup/)
  writeFileSync(host.config, config)
  await host.mptk('revert')
  const changes = await host.changedSince(before)
  t.strictSame(
    changes.filter((each) => !each.includes(host.config)),
    [],
  )
})

void t.test('undo.sh needs nothing of mptk', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  await host.mptk('apply')
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const undone = await runTool('env', ['-i', `PATH=${env.PATH}`, 'sh', join(host.state, 'undo.sh')])
  t.match(undone, { code: 0, stderr: '' })
  t.strictSame(await host.changedSince(before), [])
  t.match(await host.mptk('revert'), { stdout: /nothing is applied/ })
})

void t.test('not confirmed, it undoes itself; confirmed, it stays', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  // the time begins when all is done, however long that took
  const applied = await host.mptk('apply', '--confirm-within', '1s')
  t.match(applied, { code: 0, stdout: /undone again in 1 s unless you say: mptk confirm --netns / })
  // the folders are what it removes last, the outermost at the end
  await until('the guard', () => (existsSync(dirname(host.state)) ? 'not done' : undefined), 90_000)
  t.strictSame(await host.changedSince(before), [])
  t.match(await host.mptk('confirm'), { code: 0, stdout: 'nothing waits to be confirmed\n' })

  await host.mptk('apply', '--confirm-within', '120s')
  t.match((await host.mptk('status')).stdout, /will be undone by process \d+ in \d+ s unless confirmed/)
  t.match(await host.mptk('apply'), { code: 1, stderr: /waits for mptk confirm/ })
  t.match(await host.mptk('confirm'), { code: 0, stdout: 'confirmed: it stays\n' })
  t.match(await host.mptk('status'), { code: 0 })
  await until('the guard to be ended', async () => {
    const { stdout } = await runTool('ps', ['-eo', 'args'])
    return stdout.toString().includes(`${host.state}/guard.sh`) ? 'there' : undefined
  })
  await host.mptk('revert')
  t.strictSame(await host.changedSince(before), [])

  await host.mptk('apply')
  const first = await host.snapshot()
  writeFileSync(host.config, readFileSync(host.config, 'utf8').replace('600', '500'))
  await host.mptk('apply', '--confirm-within', '600s')
  t.equal(host.namespace.run('sysctl', '-n', 'net.ipv4.tcp_keepalive_time'), '500\n')
  await endWait(host.state)
  await until('the guard', () => {
    const waits = readdirSync(host.state).filter((name) => /^(rollback|pending|expired|guard)/.test(name))
    return waits.length === 0 ? undefined : waits.join()
  })
  t.equal(host.namespace.run('sysctl', '-n', 'net.ipv4.tcp_keepalive_time'), '600\n')
  const changes = await host.changedSince(first)
  t.strictSame(
    changes.filter((each) => !/host\.yaml|\/mptk\.|journal|undo\.sh|sysctl -a/.test(each)),
    [],
  )
})

void t.test('a signal takes everything back', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const flock = new KillingFlock(scratchFolder(t), 'INT')
  flock.killAt(12)
  const apply = host.start(host.args('apply'), flock.env)
  flock.victim(apply.pid)
  const { code, stdout, stderr } = await apply.ended
  t.equal(code, 130)
  t.match(stdout, /^rule /m, 'in the midst of it')
  t.match(stderr, /interrupted \(SIGINT\) \(everything was undone\)/)
  t.strictSame(await host.changedSince(before), [])
})

void t.test('an uplink that came after the apply leaves no trace either', async (t) => {
  const host = new ProvisionedHost(t)
  host.namespace.run('ip', 'link', 'set', 'l2', 'down')
  const before = await host.snapshot()
  t.match(await host.mptk('apply'), { code: 0 })
  t.notMatch(host.namespace.run('ip', 'mptcp', 'endpoint'), '10.71.2.1')
  host.namespace.run('ip', 'link', 'set', 'l2', 'up')
  await until('l2 to be a path', () => {
    const endpoints = host.namespace.run('ip', 'mptcp', 'endpoint')
    return endpoints.includes('10.71.2.1') ? undefined : endpoints
  })
  t.match(host.namespace.run('ip', 'rule'), 'from 10.71.2.1')
  const config = readFileSync(host.config, 'utf8')
  writeFileSync(host.config, config.replace(/^ +l2:.*\n/m, ''))
  t.match(await host.mptk('apply'), { code: 0 })
  await until('l2, named no more, to be none', () => {
    const endpoints = host.namespace.run('ip', 'mptcp', 'endpoint')
    return endpoints.includes('10.71.2.1') ? endpoints : undefined
  })
  writeFileSync(host.config, config)
  t.match(await host.mptk('apply'), { code: 0 })
  await until('l2 to be a path again', () => {
    const endpoints = host.namespace.run('ip', 'mptcp', 'endpoint')
    return endpoints.includes('10.71.2.1') ? undefined : endpoints
  })
  t.match(await host.mptk('revert'), { code: 0, stderr: '' })
  host.namespace.run('ip', 'link', 'set', 'l2', 'down')
  t.strictSame(await host.changedSince(before), [])
})

void t.test('after a reboot, which a new namespace of the same name is', async (t) => {
  const host = new ProvisionedHost(t)
  await host.mptk('apply')
  const { name } = host.namespace
  // the service would keep the old one alive; a reboot ends it too
  const [pid = ''] = readFileSync(join(host.state, 'mptk.pid'), 'utf8').split(' ')
  process.kill(Number(pid), 'SIGKILL')
  host.namespace.run('ip', 'link', 'delete', 'l1')
  host.namespace.run('ip', 'link', 'delete', 'l2')
  await runTool('ip', ['netns', 'delete', name])
  await runTool('ip', ['netns', 'add', name])
  const fresh = await host.snapshot()
  const { code, stdout } = await host.mptk('status')
  t.equal(code, 1)
  t.match(stdout, /^rebooted since/m)
  t.match(stdout, /^gone +mptcp endpoint 200/m)
  t.match(await host.mptk('revert'), { code: 0 })
  const changes = await host.changedSince(fresh)
  t.strictSame(
    changes.filter((each) => !each.includes(join(host.folder, 'lib'))),
    [],
  )
  t.notOk(existsSync(join(host.folder, 'lib')))
})

void t.test('in another network namespace while that of the apply lives', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const there = { prefix: ['ip', 'netns', 'exec', host.namespace.name] }
  const state = ['--state', host.state]
  const applied = await run(t, ['apply', '--config', host.config, ...state], there)
  t.equal(applied.code, 0, applied.stderr)
  for (const command of ['status', 'revert']) {
    const { code, stderr } = await run(t, [command, ...state])
    t.equal(code, 1)
    t.match(stderr, /was made in another network namespace, net:\[\d+\] \(of process \d+\)/, command)
  }
  const undone = await runTool('sh', [join(host.state, 'undo.sh')])
  t.equal(undone.code, 1)
  t.match(undone.stderr, /^made in another network namespace, that of process \d+: nsenter /)
  t.match(await run(t, ['revert', ...state], there), { code: 0 })
  t.strictSame(await host.changedSince(before), [])
})
