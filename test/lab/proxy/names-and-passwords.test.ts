/**
 * Clients that ask for names which no server answers, and that guess passwords, beside clients
 * that do not; and the end of a proxy that is busy with both.
 *
 *   greedy 127.0.2.* ─┐                         ┌─ DNS server, silent about *.silent
 *   guesser 127.0.3.1 ├─▶ mptk run ─▶ echo      │  (resolv.conf of this mount namespace)
 *   others 127.0.4.*  ─┘                 ◀──────┘
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashPassword } from '../../../proxy/users/password-hash.js'
import { startProxy, type BuiltProxy } from '../../support/built-proxy.js'
import { dnsServer } from '../../support/dns-server.js'
import { inOwnNetwork } from '../../support/own-network.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'
import { echoServer, failure, NO_AUTH, request, Talker } from '../../unit/proxy/host.js'

const PORTS = { open: 1080, users: 1081, status: 9400 }
/** RFC 1929: the user is bob. */
const log = (password: string): string =>
  ['01', '03', Buffer.from('bob').toString('hex'), password.length.toString(16).padStart(2, '0')].join('') +
  Buffer.from(password).toString('hex')

async function asking(t: Test, name: string, from: string, port = 80): Promise<Talker> {
  const talker = await Talker.to(t, PORTS.open, from)
  return talker.send(`${NO_AUTH} ${request(name, port)}`)
}

function askingAll(t: Test, client: number, first: number, end: number): Promise<Talker[]> {
  const names = Array.from({ length: end - first }, (_, n) => `${client}-${first + n}.silent`)
  return Promise.all(names.map((name) => asking(t, name, `127.0.2.${client}`)))
}

async function loggingIn(t: Test, password: string, from: string): Promise<Talker> {
  const talker = await Talker.to(t, PORTS.users, from)
  return talker.send(`050102 ${log(password)}`)
}

function inState(proxy: BuiltProxy, service: string, state: string, count: number): Promise<void> {
  return until(`${count} sessions of ${service} ${state}`, async () => {
    const now = await proxy.metric('mptk_sessions_active', { service, state })
    return now === count ? undefined : `${now}`
  })
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('silent names, guessed passwords, and the end', async (t) => {
    const folder = scratchFolder(t)
    const echo = await echoServer(t)
    const dns = await dnsServer(
      t,
      (name) => (name.endsWith('.silent') ? 'silence' : { addresses: ['127.0.0.1'] }),
      { port: 53 },
    )
    const resolvConf = join(folder, 'resolv.conf')
    // longer than this test is patient
    writeFileSync(resolvConf, `${dns.line}options timeout:30 attempts:5`)
    execFileSync('mount', ['--bind', resolvConf, '/etc/resolv.conf'])
    t.teardown(() => execFileSync('umount', ['/etc/resolv.conf']))

    const service = {
      type: 'socks5',
      rules: [{ allow: { destinations: '127.0.0.0/8' } }],
      timeouts: { handshake: '5m', dial: '5m' },
    }
    const users = { bob: { passwordHash: await hashPassword('geheim') } }
    const proxy = await startProxy(t, {
      services: [
        { ...service, name: 'open', listen: `127.0.0.1:${PORTS.open}` },
        { ...service, name: 'users', listen: `127.0.0.1:${PORTS.users}`, users },
      ],
      statusPort: PORTS.status,
    })

    const greedy: Talker[] = []
    for (let client = 1; client <= 8; client++) {
      greedy.push(...(await askingAll(t, client, 0, 20)))
    }
    await inState(proxy, 'open', 'dialling', 160)
    const good = await asking(t, 'good.example', '127.0.4.1', echo)
    t.match(await good.take(12), /^05000500.{16}$/, 'a good name is found while 160 others are waited for')
    good.socket.destroy()
    await inState(proxy, 'open', 'dialling', 160)

    greedy.push(...(await askingAll(t, 1, 20, 140)))
    const refused = (): number => greedy.filter(({ arrived }) => arrived === `0500${failure(4)}`).length
    await until('the share of one source is used up', async () => {
      const waiting = await proxy.metric('mptk_sessions_active', { service: 'open', state: 'dialling' })
      return waiting + refused() === greedy.length ? undefined : `${waiting} wait, ${refused()} are refused`
    })
    t.ok(refused() > 0 && refused() < 120, `${refused()} of 140 names of one source are too many`)
    const another = await asking(t, 'another.example', '127.0.4.1', echo)
    t.match(await another.take(12), /^05000500.{16}$/, 'others are not concerned')
    another.socket.destroy()

    const right = await loggingIn(t, 'geheim', '127.0.3.1')
    t.equal(await right.take(4), '05020100')
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, n) => loggingIn(t, `guess ${n}`, '127.0.3.1')),
    )
    const elsewhere = await loggingIn(t, 'geheim', '127.0.4.2')
    t.equal(await elsewhere.take(4), '05020100', 'a right password passes')
    elsewhere.send(request('third.example', echo))
    t.match(await elsewhere.take(10), /^0500.{16}$/, 'and names are found')
    for (const guess of guesses) t.equal(await guess.rest(), '05020101')
    const again = await loggingIn(t, 'geheim', '127.0.3.1')
    t.equal(await again.take(4), '05020100', 'nor is who was right there before kept out')
    const wrong = (text: string): number =>
      proxy.records.filter(({ error }) => error?.startsWith(text)).length
    await until('the guesses are told of', () =>
      wrong('wrong user name') + wrong('too many') === 40 ? undefined : `${wrong('wrong user name')}`,
    )
    t.ok(wrong('wrong user name') <= 10, `${wrong('wrong user name')} of 40 guesses were hashed`)

    const pending = await Promise.all(
      Array.from({ length: 16 }, (_, n) => loggingIn(t, `late ${n}`, `127.0.5.${n + 1}`)),
    )
    for (const each of pending) await each.take(2)
    proxy.records.splice(0)
    const end = await proxy.stop()
    t.match(end, { code: 0, signal: null }, 'it ends with names and passwords pending')
    const told = proxy.records.filter(({ error }) => error === 'the service is stopping')
    t.equal(
      told.filter(({ outcome }) => outcome === 'unreachable').length,
      greedy.length - refused(),
      'a record for each name',
    )
  })
}
