// Bad use: one clear line on standard error, an exit code other than 0, and nothing else.
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../../support/process.js'

async function refused(t: Test, args: string[], code: number, line: string | RegExp): Promise<void> {
  const ended = await run(t, args)
  t.match(ended, { code, signal: null, stdout: '' }, `mptk ${args.join(' ')}`)
  const text = ended.stderr.replace(/\n$/, '')
  if (typeof line === 'string') t.equal(text, `mptk: ${line}`)
  else t.match(text, line)
  t.notMatch(text, '\n', 'one line')
}

void t.test('the command line', async (t) => {
  await refused(t, ['foo'], 2, 'unknown command foo: see mptk --help')
  await refused(t, ['rnu'], 2, 'unknown command rnu: did you mean run?: see mptk --help')
  await refused(t, ['help', 'stauts'], 2, 'unknown command stauts: did you mean status?: see mptk --help')
  await refused(t, ['run', '--port', '1080'], 2, 'unknown option --port: see mptk run --help')
  await refused(
    t,
    ['apply', '--confg', 'x', '--dry-rn'],
    2,
    'unknown option --confg: did you mean --config?, unknown option --dry-rn: did you mean --dry-run?: see mptk apply --help',
  )
  await refused(
    t,
    ['run', 'x.yaml'],
    2,
    'mptk run takes no "x.yaml": a file is given as --config x.yaml: see mptk run --help',
  )
  await refused(t, ['run', '--config'], 2, 'Not enough arguments following: config: see mptk run --help')
  await refused(t, ['check'], 2, 'Missing required argument: config: see mptk check --help')
  await refused(t, ['reverse'], 2, 'Missing required arguments: listen, target: see mptk reverse --help')
  await refused(
    t,
    ['socks5', '--transport', 'udp'],
    2,
    /^mptk: Invalid values: .*"udp", Choices: "mptcp", "tcp": see/,
  )
  await refused(
    t,
    ['socks5', '--username', 'alice'],
    2,
    /^mptk: .*username -> upstream: see mptk socks5 --help$/,
  )
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
