import t from 'tap'
import { hashPassword, matchesHash } from '../../../proxy/users/password-hash.js'
import { Users } from '../../../proxy/users/users.js'
import { checkConfig } from '../../../src/config/load.js'

void t.test('hashes', async (t) => {
  const hash = await hashPassword('pässword')
  t.match(hash, /^scrypt\$16384\$8\$5\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=$/)
  t.notMatch(hash, 'pässword')
  t.ok(await matchesHash('pässword', hash))
  t.notOk(await matchesHash('Pässword', hash))
  t.notOk(await matchesHash('', hash))
  t.not(await hashPassword('pässword'), hash, 'each has a salt of its own')
  const users = { alice: { passwordHash: hash } }
  t.doesNotThrow(() => checkConfig({ services: [{ type: 'socks5', listen: '127.0.0.1:1', users }] }, 'test'))
  const [, N, r, p, salt = '', tail = ''] = hash.split('$')
  const changed = tail.startsWith('A') ? `B${tail.slice(1)}` : `A${tail.slice(1)}`
  t.notOk(await matchesHash('pässword', ['scrypt', N, r, p, salt, changed].join('$')))
})

void t.test('who may pass', async (t) => {
  const users = new Users({
    alice: { password: 'secret' },
    bob: { passwordHash: await hashPassword('geheim') },
  })
  t.ok(await users.verify('alice', 'secret'))
  t.ok(await users.verify('bob', 'geheim'))
  t.ok(await users.verify('bob', 'geheim'), 'again, without hashing again')
  for (const [name, password] of [
    ['alice', 'Secret'],
    ['alice', 'secret '],
    ['alice', ''],
    ['alice', 'geheim'],
    ['bob', 'secret'],
    ['bob', ''],
    ['eve', 'secret'],
    ['eve', 'geheim'],
    ['eve', ''],
    ['', ''],
    ['__proto__', ''],
    ['constructor', ''],
  ] as const) {
    t.notOk(await users.verify(name, password), `${name} with ${JSON.stringify(password)}`)
  }
  t.notOk(
    await users.verify('eve', 'geheim'),
    "another's right password opens no door, however often it is tried",
  )
  t.ok(await users.verify('bob', 'geheim'), 'a wrong try changes nothing')
})

/** Processor time until all of these are answered, on all threads, microseconds. */
async function cost(answers: () => Promise<boolean>[]): Promise<number> {
  const before = process.cpuUsage()
  await Promise.all(answers())
  const { user, system } = process.cpuUsage(before)
  return user + system
}

void t.test('a crowd that comes at once is hashed once', async (t) => {
  const passwordHash = await hashPassword('geheim')
  const verify = (users: Users, times: number, password: string): Promise<boolean>[] =>
    Array.from({ length: times }, () => users.verify('bob', password))
  for (const password of ['geheim', 'falsch']) {
    const one = await cost(() => verify(new Users({ bob: { passwordHash } }), 1, password))
    const crowd = await cost(() => verify(new Users({ bob: { passwordHash } }), 64, password))
    t.ok(crowd < 16 * one, `${password}: 64 cost ${(crowd / one).toFixed(1)} times as much as one`)
  }
  const users = new Users({ bob: { passwordHash } })
  const mixed = ['geheim', 'falsch', 'geheim', ''].map((password) => users.verify('bob', password))
  t.strictSame(await Promise.all(mixed), [true, false, true, false], 'each gets its own answer')
})

void t.test('nobody at all', async (t) => {
  const users = new Users({})
  t.notOk(await users.verify('alice', ''))
  t.notOk(await users.verify('', ''))
})
