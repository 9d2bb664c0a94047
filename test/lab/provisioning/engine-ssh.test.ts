/** Another host over ssh: a real sshd in a namespace, with keys and a port of its own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { openSsh } from '../../../src/exec-ssh.js'
import { ProvisionedHost } from '../../support/provisioned-host.js'
import { run as runMptk } from '../../support/process.js'
import { run } from '../../support/netns.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

const PORT = 10_022

void t.test('a host over ssh', async (t) => {
  const host = new ProvisionedHost(t)
  const net = host.neighbour
  const folder = scratchFolder(t)
  const file = (name: string) => join(folder, name)
  for (const key of ['host', 'user']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file(key))
  run('cp', file('user.pub'), file('authorized'))
  // sshd wants it, and there may be no system that has made it
  mkdirSync('/run/sshd', { recursive: true })
  writeFileSync(
    file('sshd.conf'),
    `Port ${PORT}\nListenAddress 10.71.1.1\nHostKey ${file('host')}\nAuthorizedKeysFile ${file('authorized')}
StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\n`,
  )
  writeFileSync(
    file('ssh.conf'),
    `Host faraway\n  HostName 10.71.1.1\n  Port ${PORT}\n  User root\n  IdentityFile ${file('user')}
  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR
  ProxyCommand ip netns exec ${net.name} nc %h %p\n`,
  )
  const sshd = execa(
    'ip',
    ['netns', 'exec', host.namespace.name, '/usr/sbin/sshd', '-D', '-e', '-f', file('sshd.conf')],
    {
      reject: false,
      all: true,
      stdin: 'ignore',
    },
  )
  t.teardown(async () => {
    sshd.kill('SIGTERM')
    await sshd
  })
  await until('sshd listens', () =>
    host.namespace.run('ss', '-Hltn', `sport = :${PORT}`) === '' ? 'nothing listens' : undefined,
  )

  await t.test('commands there are as commands here', async (t) => {
    const ssh = await openSsh('faraway', { configFile: file('ssh.conf') })
    t.teardown(() => ssh.close())
    const words = ['a b', "it's", '$HOME', '', '*', 'x;y', 'new\nline', 'A=b']
    t.equal(
      (await ssh.runner.run(['printf', '<%s>', ...words])).stdout,
      words.map((word) => `<${word}>`).join(''),
    )
    t.match(
      await ssh.runner.run(['sh', '-c', 'cat; echo "$LC_ALL$V" >&2; exit 3'], {
        input: 'in',
        env: { V: 'v w' },
        reject: false,
      }),
      {
        stdout: 'in',
        stderr: 'Cv w',
        exitCode: 3,
      },
    )
    t.equal((await ssh.runner.run(['pwd'], { cwd: '/usr' })).stdout, '/usr')
    await t.rejects(ssh.runner.run(['sh', '-c', 'echo no >&2; exit 4']), {
      code: 'MPTK_EXEC',
      message: 'sh -c echo no >&2; exit 4: exit code 4: no (on faraway)',
    })
    const lines = ssh.runner.spawn(['sh', '-c', 'read -r line; echo "got $line"'])
    lines.stdin.end('it\n')
    lines.stderr.resume()
    let said = ''
    for await (const data of lines.stdout) said += String(data)
    t.equal(said, 'got it\n')
  })

  await t.test('nobody there', async (t) => {
    await t.rejects(openSsh('-oProxyCommand=x'), { code: 'MPTK_USAGE' })
    const nobody = await openSsh('nobody@faraway', { configFile: file('ssh.conf') })
    t.teardown(() => nobody.close())
    await t.rejects(nobody.runner.run(['true'], { reject: false }), {
      code: 'MPTK_EXEC',
      message: /^nobody@faraway cannot be reached over ssh: .*Permission denied/,
    })
  })

  await t.test('there and back', async (t) => {
    const there = ['--host', 'faraway', '--ssh-config', file('ssh.conf'), '--state', host.state]
    const before = await host.snapshot('/etc')
    const applied = await runMptk(t, ['apply', '--config', host.config, ...there, '--confirm-within', '120s'])
    t.equal(applied.code, 0, applied.stderr)
    t.match(applied.stdout, /^file \/etc\/mptk\/mptk\.yaml: absent → 0600/m)
    t.notMatch(applied.stdout, /secret/)
    t.match(
      applied.stdout,
      `mptk confirm --host faraway --ssh-config ${file('ssh.conf')} --state ${host.state}`,
    )
    t.match(await runMptk(t, ['confirm', ...there]), { code: 0, stdout: 'confirmed: it stays\n' })
    t.match(await runMptk(t, ['status', ...there]), { code: 0 })
    t.match(await runMptk(t, ['apply', '--config', host.config, ...there]), {
      code: 0,
      stdout: /^nothing to do/m,
    })
    const reverted = await runMptk(t, ['revert', ...there])
    t.equal(reverted.code, 0, reverted.stderr)
    t.strictSame(await host.changedSince(before, '/etc'), [])
  })
})
