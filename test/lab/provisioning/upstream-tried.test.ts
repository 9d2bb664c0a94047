/** `mptk apply` asks each upstream at its end, from the host that it is about. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { start } from '../../support/process.js'
import { ProvisionedHost } from '../../support/provisioned-host.js'

void t.test('a wrong password is told, and what was applied stays', async (t) => {
  const host = new ProvisionedHost(t)
  const far = join(host.folder, 'far.yaml')
  writeFileSync(
    far,
    'services: [{ type: socks5, listen: "10.71.1.2:1080", users: { alice: { password: other } } }]\n',
  )
  const prefix = ['ip', 'netns', 'exec', host.neighbour.name]
  const proxy = start(t, ['run', '--config', far], { prefix })
  await proxy.addressOf('socks5')
  const refused = /^proxy 10\.71\.1\.2:1080: reached, password of alice refused: /m
  t.match(await host.mptk('apply'), { code: 1, stdout: refused })
  t.match(await host.mptk('status'), { code: 0 }, 'it is applied')
  const again = await host.mptk('apply', '--json')
  t.equal(again.code, 1, 'and told again as long as it is so')
  t.match(JSON.parse(again.stdout), {
    steps: [],
    upstreams: [{ address: '10.71.1.2:1080', user: 'alice', outcome: 'password' }],
  })
  proxy.signal('SIGTERM')
  await proxy.ended
  t.match(
    await host.mptk('apply'),
    { code: 0, stdout: /^proxy 10\.71\.1\.2:1080: not reached: /m },
    'one that is away may come',
  )
})

void t.test('all that is wrong is told before anything is changed', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  writeFileSync(
    host.config,
    `services:
  - { type: socks5, listen: 127.0.0.1:1080, usersFile: /nonexistent/users.yaml, upstream: { type: socks5, address: 10.71.1.2:1080, username: alice, passwordFile: /nonexistent/password } }
host: { setup: client, uplinks: { l9: {} }, sysctls: { net.ipv4.nosuch: 1 } }
`,
  )
  const now = await host.snapshot()
  for (const command of ['plan', 'apply']) {
    const { code, stdout, stderr } = await host.mptk(command)
    t.match({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr.trimEnd().split('\n'), [
      /^mptk: host\.uplinks\.l9: expected an interface of this host /,
      /^mptk: host\.sysctls\.net\.ipv4\.nosuch: expected a sysctl of this host/,
      /^mptk: services\[0\]\.usersFile: cannot read \/nonexistent\/users\.yaml: ENOENT/,
      /^mptk: services\[0\]\.upstream\.passwordFile: cannot read \/nonexistent\/password: ENOENT/,
    ])
  }
  t.equal(await host.snapshot(), now, 'nothing is changed')
  t.not(now, before)
})
