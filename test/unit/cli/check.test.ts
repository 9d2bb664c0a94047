// mptk check: what mptk run would open, and the proxies that it would go through.
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { run, start } from '../../support/process.js'

void t.test('what mptk run would open is opened by mptk check, and all that is wrong is told', async (t) => {
  const folder = t.testdir({
    'users.yaml': 'alice: { password: secret }\nbob: { pasword: secret }\ncarol: hunter2\n',
    'mptk.yaml': `services:
  - type: socks5
    listen: 127.0.0.1:1
    usersFile: FOLDER/users.yaml
  - type: socks5
    listen: 127.0.0.1:2
    usersFile: FOLDER/none.yaml
    upstream:
      type: socks5
      address: 127.0.0.1:1
      username: alice
      passwordFile: FOLDER/none
      congestion: cubicc
  - type: reverse-tcp
    target: 127.0.0.1:3
    listen: [127.0.0.1:4, '192.0.2.1:5']
    egress:
      source: 192.0.2.7
  - type: reverse-tcp
    target: 127.0.0.1:3
    device: nosuch0
    listen: 127.0.0.1:6
status: { listen: '203.0.113.2:7' }
host:
  setup: client
  uplinks:
    nosuch1: {}
`,
  })
  const file = join(folder, 'mptk.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('FOLDER', folder))
  await chmod(join(folder, 'users.yaml'), 0o600)
  const { code, stdout, stderr } = await run(t, ['check', '-c', file])
  t.match({ code, stdout }, { code: 2, stdout: '' })
  const lines = stderr.trimEnd().replaceAll(`${folder}/`, '').split('\n')
  const noAddress = 'this host has no such address (EADDRNOTAVAIL)'
  const expected = [
    'services[0].usersFile: users.yaml:2: users.bob: found the unknown key "pasword": did you mean password?',
    'services[0].usersFile: users.yaml:3: users.carol: expected a hash',
    'services[1].usersFile: cannot read none.yaml: ENOENT',
    'services[1].upstream.passwordFile: cannot read none: ENOENT',
    'services[1].upstream.congestion: this kernel has no congestion control "cubicc"; it has ',
    `services[2].listen[1]: 192.0.2.1: ${noAddress}`,
    `services[2].egress.source: 192.0.2.7: ${noAddress}`,
    'services[3].device: expected an interface of this host (lo',
    `status.listen: 203.0.113.2: ${noAddress}`,
    'host.uplinks.nosuch1: expected an interface of this host (lo',
  ]
  t.equal(lines.length, expected.length)
  for (const [index, each] of expected.entries()) t.match(lines[index], each)
  t.strictSame(
    lines.map((each) => Number(/^mptk: mptk\.yaml:(\d+): /.exec(each)?.[1])),
    [4, 4, 7, 12, 13, 16, 18, 21, 23, 27],
    'each with its line',
  )
  t.match(await run(t, ['check', '-c', file, '--file-only']), {
    code: 0,
    stdout: /ok, 4 services\nnot checked: anything but the file itself\n$/,
    stderr: '',
  })
})

void t.test('mptk check --upstream says of each proxy whether it serves', async (t) => {
  const near = (port: number, password: string): string =>
    `{ type: socks5, listen: "127.0.0.1:0", upstream: { type: socks5, address: "127.0.0.1:${port}", username: alice, password: ${password} } }`
  const far = start(t, [
    'run',
    '-c',
    join(
      t.testdir({
        'far.yaml':
          'services: [{ type: socks5, listen: "127.0.0.1:0", users: { alice: { password: secret } } }]',
      }),
      'far.yaml',
    ),
  ])
  const { port } = await far.addressOf('socks5')
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const gone = (silent.address() as AddressInfo).port
  silent.close()
  await once(silent, 'close')
  const file = join(t.testdirName, 'near.yaml')
  const ask = async (services: string[]) => {
    await writeFile(file, `services: [${services.join(', ')}]`, { mode: 0o600 })
    return run(t, ['check', '-c', file, '--upstream'])
  }
  t.match(await ask([near(port, 'secret')]), {
    code: 0,
    stdout: new RegExp(`^proxy 127\\.0\\.0\\.1:${port}: reached, password of alice taken$`, 'm'),
    stderr: '',
  })
  const { code, stdout } = await ask([near(port, 'wrong'), near(gone, 'secret'), near(port, 'secret')])
  t.equal(code, 1)
  t.match(stdout, new RegExp(`^proxy 127\\.0\\.0\\.1:${port}: reached, password of alice refused: `, 'm'))
  t.match(stdout, new RegExp(`^proxy 127\\.0\\.0\\.1:${gone}: not reached: .*ECONNREFUSED`, 'm'))
})
