// Bad use: one clear line on standard error, an exit code other than 0, and nothing else.
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run, start } from '../../support/process.js'

async function refused(t: Test, args: string[], code: number, line: string | RegExp): Promise<void> {
  const ended = await run(t, args)
  t.match(ended, { code, signal: null, stdout: '' }, `mptk ${args.join(' ')}`)
  const text = ended.stderr.replace(/\n$/, '')
  if (typeof line === 'string') t.equal(text, `mptk: ${line}`)
  else t.match(text, line)
  t.notMatch(text, '\n', 'one line')
}

void t.test('the command line', async (t) => {
  await refused(t, [], 2, 'expected a command, found none: see mptk --help')
  await refused(t, ['foo'], 2, 'Unknown argument: foo: see mptk --help')
  await refused(t, ['run', '--port', '1080'], 2, 'Unknown argument: port: see mptk --help')
  const misspelt = ['apply', '--confg', 'x', '--dry-rn']
  await refused(t, misspelt, 2, 'Unknown arguments: confg, dry-rn: see mptk --help')
  await refused(t, ['run', '--config'], 2, 'Not enough arguments following: config: see mptk --help')
  await refused(t, ['check'], 2, 'Missing required argument: config: see mptk --help')
  await refused(t, ['reverse'], 2, 'Missing required arguments: listen, target: see mptk --help')
  await refused(
    t,
    ['socks5', '--transport', 'udp'],
    2,
    /^mptk: Invalid values: .*"udp", Choices: "mptcp", "tcp": see/,
  )
  await refused(t, ['socks5', '--username', 'alice'], 2, /^mptk: .*username -> upstream: see mptk --help$/)
  await refused(
    t,
    ['socks5', '--log', 'loud'],
    2,
    /^mptk: command line: log\.level: expected .*, found "loud"$/,
  )
  await refused(
    t,
    ['socks5', '--listen', '0.0.0.0:1080'],
    2,
    'command line: services[0].listen: expected users, usersFile or anonymous: true for a listener off loopback, found none for 0.0.0.0: anybody could use this proxy',
  )
})

void t.test('the configuration file', async (t) => {
  const folder = t.testdir({
    'unknown-key.yaml': 'services: [{ type: socks5, lisen: "127.0.0.1:0" }]',
    'open.yaml': 'services: [{ type: socks5, listen: "0.0.0.0:1080" }]',
    'no.yaml': 'services: [',
    'users.yaml': 'services: [{ type: socks5, listen: "127.0.0.1:0", usersFile: none.yaml }]',
    'password.yaml':
      'services: [{ type: socks5, listen: "127.0.0.1:0", upstream: { type: socks5, address: "127.0.0.1:1", username: a, passwordFile: none } }]',
    'secret.yaml':
      'services: [{ type: socks5, listen: "127.0.0.1:0", users: { alice: { password: 12345 } } }]',
    'scheduler.yaml':
      'services: [{ type: reverse-tcp, listen: "127.0.0.1:0", target: "10.0.0.1:80", egress: { transport: tcp, congestion: nosuchalgo } }]',
  })
  const file = (name: string): string => join(folder, name)
  for (const command of ['run', 'check']) {
    await refused(
      t,
      [command, '--config', file('unknown-key.yaml')],
      2,
      /unknown-key\.yaml:1: services\[0\]: found the unknown key "lisen": did you mean listen\?$/,
    )
    await refused(
      t,
      [command, '-c', file('open.yaml')],
      2,
      /open\.yaml:1: services\[0\]\.listen: expected users, /,
    )
    await refused(t, [command, '-c', file('no.yaml')], 2, /no\.yaml:1: not YAML: /)
    await refused(t, [command, '-c', file('none.yaml')], 2, /^mptk: cannot read \S+none\.yaml: ENOENT/)
    await refused(
      t,
      [command, '-c', file('secret.yaml')],
      2,
      /password: expected text of 1 to 255 bytes, found a number$/,
    )
  }
  await refused(t, ['run', '-c', file('users.yaml')], 2, /^mptk: cannot read none\.yaml: ENOENT/)
  await refused(t, ['run', '-c', file('password.yaml')], 2, /^mptk: cannot read none: ENOENT/)
  await refused(t, ['run', '-c', file('scheduler.yaml')], 1, /^mptk: .*nosuchalgo/)
})

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
    await writeFile(file, `services: [${services.join(', ')}]`)
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

void t.test('a port that is taken', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const taken = `cannot listen on ${address}: the port is taken by another program (EADDRINUSE)`
  for (const transport of ['mptcp', 'tcp']) {
    await refused(t, ['socks5', '--listen', address, '--transport', transport], 1, taken)
  }
  await refused(
    t,
    ['socks5', '--listen', '127.0.0.1:0', '--status', address],
    1,
    `cannot listen on ${address} for status: the port is taken by another program (EADDRINUSE)`,
  )
  // an address of the documentation's prefix, which no machine has
  await refused(
    t,
    ['socks5', '--anonymous', '--listen', '192.0.2.1:1080'],
    1,
    'cannot listen on 192.0.2.1:1080: this host has no such address (EADDRNOTAVAIL)',
  )
})
