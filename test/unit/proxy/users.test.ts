// Who may pass, what a password costs, and whom wrong ones cost something.
import t from 'tap'
import { hashPassword, matchesHash } from '../../../proxy/users/password-hash.js'
import { passwordGuard, type PasswordGuard } from '../../../proxy/users/password-guard.js'
import { Users, type Verdict } from '../../../proxy/users/users.js'
import { checkConfig } from '../../../src/config/load.js'
import { Cancel } from '../../../src/net/cancel.js'

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

const never = new Cancel()

/** A guard whose clock stands still unless the test moves it, and which tells what it was asked to do. */
class Watched {
  time = 0
  hashed = 0
  readonly guard: PasswordGuard = passwordGuard({
    now: () => this.time,
    matches: (password, stored) => {
      this.hashed++
      return Promise.resolve(stored.endsWith(`$${password}`))
    },
  })
}

/** Stored so that a {@link Watched} guard can tell. */
const stored = (password: string): { passwordHash: string } => ({
  passwordHash: `scrypt$2$1$1$AAAA$${password}`,
})

function verify(users: Users, username: string, password: string, source = '192.0.2.1'): Promise<Verdict> {
  return users.verify(username, password, { source, signal: never })
}

void t.test('who may pass', async (t) => {
  const users = new Users(
    { alice: { password: 'secret' }, bob: { passwordHash: await hashPassword('geheim') } },
    passwordGuard(),
  )
  t.equal(await verify(users, 'alice', 'secret'), 'right')
  t.equal(await verify(users, 'bob', 'geheim'), 'right')
  t.equal(await verify(users, 'bob', 'geheim'), 'right', 'again, without hashing again')
  for (const [index, [name, password]] of (
    [
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
    ] as const
  ).entries()) {
    const said = await verify(users, name, password, `198.51.100.${index}`)
    t.equal(said, 'wrong', `${name} with ${JSON.stringify(password)}`)
  }
  t.equal(
    await verify(users, 'eve', 'geheim', '203.0.113.1'),
    'wrong',
    "another's right password opens no door, however often it is tried",
  )
  t.equal(await verify(users, 'bob', 'geheim'), 'right', 'a wrong try changes nothing')
})

void t.test('nobody at all', async (t) => {
  const users = new Users({}, passwordGuard())
  t.equal(await verify(users, 'alice', ''), 'wrong')
  t.equal(await verify(users, '', ''), 'wrong')
})

void t.test('unknown, plain and hashed users cost the same when the password is wrong', async (t) => {
  const watched = new Watched()
  const users = new Users({ alice: { password: 'secret' }, bob: stored('geheim') }, watched.guard)
  for (const name of ['alice', 'bob', 'eve']) {
    const { hashed } = watched
    t.equal(await verify(users, name, 'falsch', `192.0.2.${watched.hashed}`), 'wrong')
    t.equal(watched.hashed - hashed, 1, `${name}: one hash`)
  }
  t.equal(await verify(users, 'alice', 'secret'), 'right')
  t.equal(watched.hashed, 3, 'a right one as it stands in the file needs none')
})

void t.test('a wrong password is answered after the same time', (t) => {
  const watched = new Watched()
  const users = new Users({ alice: { password: 'secret' }, bob: stored('geheim') }, watched.guard)
  const { answerAfter } = watched.guard
  for (const [taken, pause] of [
    [0, answerAfter],
    [answerAfter - 1, 1],
    [answerAfter + 201, answerAfter - 201],
  ] as const) {
    watched.time = taken
    t.equal(users.pause(0), pause, `after ${taken} ms`)
  }
  t.equal(
    new Users({ alice: { password: 'secret' } }).pause(0),
    0,
    'where nothing is hashed there is nothing to hide',
  )
  t.end()
})

void t.test('a crowd that comes at once is hashed once', async (t) => {
  for (const [password, verdict] of [
    ['geheim', 'right'],
    ['falsch', 'wrong'],
  ] as const) {
    const watched = new Watched()
    const users = new Users({ bob: stored('geheim') }, watched.guard)
    const crowd = Array.from({ length: 64 }, (_, n) => verify(users, 'bob', password, `192.0.2.${n % 8}`))
    t.strictSame([...new Set(await Promise.all(crowd))], [verdict])
    t.equal(watched.hashed, 1)
    t.equal(await verify(users, 'bob', password), verdict)
    t.equal(watched.hashed, 1, 'nor those who come later')
    t.notOk(watched.guard.penalties.enforced('192.0.2.1', 0), 'one wrong password, however many had it')
  }
  const watched = new Watched()
  const users = new Users({ bob: stored('geheim') }, watched.guard)
  const mixed = ['geheim', 'falsch', 'geheim', ''].map((password) => verify(users, 'bob', password))
  t.strictSame(await Promise.all(mixed), ['right', 'wrong', 'right', 'wrong'], 'each gets its own answer')
})

void t.test('a program that goes on with an old password neither costs nor keeps others out', async (t) => {
  const watched = new Watched()
  const users = new Users({ bob: stored('geheim'), eve: stored('apfel') }, watched.guard)
  const said = { stale: new Set<Verdict>(), right: new Set<Verdict>() }
  for (let n = 0; n < 500; n++) {
    watched.time += 100
    said.stale.add(await verify(users, 'bob', 'alt', '127.0.0.1'))
    if (n % 100 === 50) said.right.add(await verify(users, 'eve', 'apfel', '127.0.0.1'))
  }
  t.strictSame([...said.stale], ['wrong'])
  t.strictSame([...said.right], ['right'])
  t.equal(watched.hashed, 2, 'one of each')
})

void t.test('ten different wrong passwords a second', async (t) => {
  const watched = new Watched()
  const users = new Users({ bob: stored('geheim'), eve: stored('apfel') }, watched.guard)
  const guesser = '2001:db8:0:1::'
  t.equal(await verify(users, 'eve', 'apfel', `${guesser}ee`), 'right')
  t.equal(watched.hashed, 1)
  const refusals = new Map<Verdict, number>()
  for (let n = 0; n < 600; n++) {
    watched.time += 100
    const said = await verify(users, 'bob', `guess ${n}`, `${guesser}${(n % 9) + 1}`)
    refusals.set(said, (refusals.get(said) ?? 0) + 1)
    if (n !== 300) continue
    t.equal(await verify(users, 'bob', 'geheim', '2001:db8:0:2::1'), 'right', 'elsewhere nothing is noticed')
    t.equal(await verify(users, 'eve', 'apfel', `${guesser}ee`), 'right', 'nor by who was right there before')
    t.not(await verify(users, 'bob', 'geheim', `${guesser}1`), 'right', 'but nobody new passes there')
  }
  t.ok(
    (refusals.get('wrong') ?? 0) <= 16,
    `${refusals.get('wrong')} of 600 guesses in a minute were looked at`,
  )
  t.equal(watched.hashed, (refusals.get('wrong') ?? 0) + 2, 'and only these were hashed')
  watched.time += 600_000
  t.equal(await verify(users, 'bob', 'geheim', `${guesser}1`), 'right', 'it is over some time')
})

void t.test('for who left before its turn nothing is hashed; leaving later is no free guess', async (t) => {
  const watched = new Watched()
  let finish: (right: boolean) => void = () => undefined
  const matches = (): Promise<boolean> => {
    watched.hashed++
    return new Promise((resolve) => (finish = resolve))
  }
  const users = new Users({ bob: stored('geheim') }, { ...watched.guard, matches })
  const leaving = new Cancel()
  const claim = (password: string) => users.verify('bob', password, { source: '192.0.2.1', signal: leaving })
  const claims = ['one', 'two', 'three', 'three'].map(claim)
  const elsewhere = verify(users, 'bob', 'other', '192.0.2.2')
  t.equal(watched.hashed, 1, 'one at a time')
  leaving.abort(new Error('gone'))
  for (const each of claims) await t.rejects(each, { message: 'gone' })
  finish(false)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(watched.hashed, 2, 'the next is that of somebody who waits')
  finish(false)
  t.equal(await elsewhere, 'wrong')
  t.equal(watched.hashed, 2)
  t.notOk(watched.guard.penalties.enforced('192.0.2.1', 0))
  for (let n = 0; n < 2; n++) watched.guard.penalties.wrong('192.0.2.1', 0)
  t.ok(watched.guard.penalties.enforced('192.0.2.1', 0), 'the first guess counted')
})

void t.test('more new passwords at once than may wait', async (t) => {
  const watched = new Watched()
  const matches = (): Promise<boolean> => new Promise(() => undefined)
  const users = new Users({ bob: stored('geheim') }, { ...watched.guard, matches })
  const claims = Array.from({ length: 18 }, (_, n) => verify(users, 'bob', `guess ${n}`))
  t.equal(await claims[17], 'too many new passwords at once')
})
