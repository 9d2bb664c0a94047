/** Files that are named: what cannot be read, and that no message tells a secret. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkConfig, loadConfig, loadPassword, loadUsers } from '../../../src/config/load.js'
import { socks5 } from './minimal.js'

void t.test('no message contains a secret', (t) => {
  const secret = 'hunter2'
  const long = secret.repeat(40)
  const upstream = (more: object) =>
    socks5({ upstream: { type: 'socks5', address: 'a:1', username: 'a', ...more } })
  for (const value of [
    socks5({ users: { alice: { password: long } } }),
    socks5({ users: { alice: { password: [secret] } } }),
    socks5({ users: { alice: { passwordHash: secret } } }),
    socks5({ users: { alice: secret } }),
    socks5({ users: [{ alice: secret }] }),
    socks5({ users: secret }),
    upstream({ password: long }),
    upstream({ password: { value: secret } }),
    socks5({ upstream: `socks5://alice:${secret}@10.0.0.1:1080` }),
    upstream({ address: `alice:${secret}@10.0.0.1:1080`, password: 'x' }),
    { services: { type: 'socks5', users: { alice: { password: secret } } } },
    socks5({ users: { alice: { password: secret } }, anonymous: true }),
  ]) {
    try {
      checkConfig(value, 'mptk.yaml')
      t.fail(`accepted: ${JSON.stringify(value)}`)
    } catch (error) {
      const { message } = error as Error
      t.notMatch(message, secret, message)
      t.match(message, /expected .*found/)
    }
  }
  t.throws(() => checkConfig(socks5({ users: { alice: { password: 12345 } } }), 'mptk.yaml'), {
    message: 'mptk.yaml: services[0].users.alice.password: expected text of 1 to 255 bytes, found a number',
  })
  t.end()
})

/** Writes the file, loads it, and gives the message with the folder taken out. */
async function messageOf(t: Test, load: (file: string) => Promise<unknown>, text: string): Promise<string> {
  const folder = t.testdir({ 'f.yaml': text })
  try {
    await load(join(folder, 'f.yaml'))
    return 'accepted'
  } catch (error) {
    return (error as Error).message.replaceAll(folder, '')
  }
}

void t.test('files that are not YAML: file and line, and nothing of the content', async (t) => {
  for (const [text, message] of [
    ['services:\n\t- x', '/f.yaml:2: not YAML: Tabs are not allowed as indentation'],
    ['a: 1\nb: 2\na: 3', '/f.yaml:3: not YAML: Map keys must be unique'],
    ['a: 1\n---\nb: 2', '/f.yaml:2: not YAML: expected one document, found a second one (---)'],
    [
      'a: 1\npassword: !hunter2',
      '/f.yaml:2: not YAML: a value begins with an exclamation mark: put it in quotes',
    ],
    ['password: *hunter2', '/f.yaml: a value begins with an asterisk: put it in quotes'],
    ['password: "hunter2', '/f.yaml:1: not YAML: Missing closing "quote'],
    ['password: @hunter2', '/f.yaml:1: not YAML: Plain value cannot start with reserved character @'],
    ['', '/f.yaml: expected a map of keys and values, found nothing'],
  ] as const) {
    t.equal(await messageOf(t, loadConfig, text), message)
  }
  await t.rejects(loadConfig(join(t.testdirName, 'none.yaml')), {
    code: 'MPTK_CONFIG_FILE',
    message: /^cannot read \S+none\.yaml: ENOENT/,
  })
})

void t.test('a file of users', async (t) => {
  const folder = t.testdir({
    'users.yaml':
      'alice: { password: secret }\nbob: { passwordHash: "scrypt$16384$8$5$AAAA$BBBB" }\ncarol: scrypt$16384$8$5$AAAA$BBBB\n',
  })
  t.strictSame(await loadUsers(join(folder, 'users.yaml')), {
    alice: { password: 'secret' },
    bob: { passwordHash: 'scrypt$16384$8$5$AAAA$BBBB' },
    carol: { passwordHash: 'scrypt$16384$8$5$AAAA$BBBB' },
  })
  t.equal(
    await messageOf(t, loadUsers, 'alice: hunter2'),
    '/f.yaml:1: users.alice: expected a hash as mptk passwd prints it, found other text',
  )
  t.equal(
    await messageOf(t, loadUsers, 'alice: { password: 12345 }'),
    '/f.yaml:1: users.alice.password: expected text of 1 to 255 bytes, found a number',
  )
})

void t.test('a file with a password', async (t) => {
  const folder = t.testdir({
    one: 'secret\n',
    dos: 'secret\r\nrest',
    none: '\nsecret',
    long: 'x'.repeat(256),
    longest: 'x'.repeat(255),
  })
  t.equal(await loadPassword(join(folder, 'one')), 'secret')
  t.equal(await loadPassword(join(folder, 'dos')), 'secret')
  t.equal(await loadPassword(join(folder, 'longest')), 'x'.repeat(255))
  await t.rejects(loadPassword(join(folder, 'none')), { code: 'MPTK_CONFIG_FILE', message: /found 0 bytes$/ })
  await t.rejects(loadPassword(join(folder, 'long')), {
    code: 'MPTK_CONFIG_FILE',
    message: /found 256 bytes$/,
  })
})
