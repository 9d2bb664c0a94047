// Real questions to DNS servers on loopback, some of which say nothing.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describeError } from '../../../../src/errors.js'
import { Cancel } from '../../../../src/net/cancel.js'
import { Names } from '../../../../src/net/names/names.js'
import { SystemNames } from '../../../../src/net/names/system-names.js'
import { resolve } from '../../../../src/net/resolve.js'
import { dnsServer, NO_SUCH_NAME, SERVER_FAILURE, type DnsReply } from '../../../support/dns-server.js'
import { until } from '../../../support/until.js'

interface Files {
  hosts?: string
  resolvConf: string
  nsswitch?: string
}

/** Names as a host with these files would know them. */
function hostWith(t: Test, files: Files): { names: Names; folder: string } {
  const folder = t.testdir({ hosts: '', nsswitch: '', ...files })
  const path = (name: string): string => join(folder, name)
  const system = new SystemNames({
    hosts: path('hosts'),
    resolvConf: path('resolvConf'),
    nsswitch: path('nsswitch'),
  })
  return { names: new Names(system), folder }
}

const never = new Cancel()
const ask = (names: Names, name: string, source?: string): Promise<readonly string[]> =>
  resolve(name, { names, source, signal: never })

const sockets = (): number => readdirSync('/proc/self/fd').length

void t.test('names that no server answers delay nobody, and end with those who asked', async (t) => {
  const server = await dnsServer(t, (name) =>
    name.endsWith('.silent') ? 'silence' : { addresses: ['192.0.2.1'] },
  )
  const { names } = hostWith(t, { resolvConf: server.line })
  const before = sockets()
  const stop = new Cancel()
  const ended: string[] = []
  const silent: Promise<void>[] = []
  for (let client = 0; client < 8; client++) {
    for (let n = 0; n < 20; n++) {
      const subject = { source: `192.0.2.${client}` }
      const asking = resolve(`${client}-${n}.silent`, { names, subject, signal: stop })
      silent.push(
        asking.then(
          () => void t.fail('an answer'),
          (error: unknown) => void ended.push(describeError(error)),
        ),
      )
    }
    // one client after another: more questions at once than a socket buffers would be asked again much later
    await until('all are asked', () =>
      server.asked.length < 40 * (client + 1) ? `${server.asked.length} questions` : undefined,
    )
  }
  t.strictSame(await ask(names, 'good.example'), ['192.0.2.1'])
  t.strictSame(ended, [], 'while every other still waits')
  stop.abort(new Error('gone'))
  await Promise.all(silent)
  t.strictSame([...new Set(ended)], ['gone'])
  t.equal(names.pending, 0)
  await until('their sockets are closed', () =>
    sockets() > before ? `${sockets()} descriptors, ${before} before` : undefined,
  )
})

void t.test('both families, or the one that is of use', async (t) => {
  const server = await dnsServer(t, () => ({ addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }))
  const { names } = hostWith(t, { resolvConf: server.line })
  const all = await ask(names, 'a.example')
  t.strictSame([...all].sort(), ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
  t.equal(all.indexOf('2001:db8::1') <= 1, true, 'they alternate')
  t.strictSame(await ask(names, 'b.example', '127.0.0.1'), ['192.0.2.1', '192.0.2.2'])
  t.strictSame(await ask(names, 'c.example', '::1'), ['2001:db8::1'])
  t.strictSame(server.asked.slice(2), ['A b.example', 'AAAA c.example'])
})

void t.test('what servers say, and the next one', async (t) => {
  const says = (reply: DnsReply) => dnsServer(t, () => reply)
  const good = await says({ addresses: ['192.0.2.1'] })
  const failing = await says(SERVER_FAILURE)
  const refusing = await says({ rcode: 5 })
  const none = await says(NO_SUCH_NAME)
  const empty = await says({ addresses: [] })
  for (const first of [failing, refusing]) {
    const { names } = hostWith(t, { resolvConf: first.line + good.line })
    t.strictSame(await ask(names, 'a.example'), ['192.0.2.1'])
  }
  for (const [servers, message] of [
    [[none, good], 'no such name (ENOTFOUND)'],
    [[empty, good], 'no such name (ENOTFOUND)'],
    [[failing], 'the name server failed (ESERVFAIL)'],
    [[refusing], 'the name server refuses to answer (EREFUSED)'],
  ] as const) {
    const { names } = hostWith(t, { resolvConf: servers.map(({ line }) => line).join('') })
    await t.rejects(ask(names, 'a.example'), {
      code: 'MPTK_RESOLVE',
      message: `cannot resolve "a.example": ${message}`,
    })
  }
  t.equal(good.asked.length, 4, 'not after a server that knows')
})

void t.test('one family without an answer', async (t) => {
  const server = await dnsServer(t, (_name, type) =>
    type === 'A' ? { addresses: ['192.0.2.1'] } : 'silence',
  )
  const { names } = hostWith(t, { resolvConf: `${server.line}options timeout:30` })
  t.strictSame(await ask(names, 'a.example'), ['192.0.2.1'], 'long before the server is given up')
})

void t.test('a silent server is asked last from then on', async (t) => {
  const silent = await dnsServer(t, () => 'silence')
  const good = await dnsServer(t, () => ({ addresses: ['192.0.2.1'] }))
  const { names } = hostWith(t, { resolvConf: `${silent.line}${good.line}options timeout:1` })
  t.strictSame(await ask(names, 'a.example'), ['192.0.2.1'])
  t.strictSame(await ask(names, 'b.example'), ['192.0.2.1'])
  t.notOk(silent.asked.includes('A b.example'))
})

void t.test('hosts, the search list, and what changes', async (t) => {
  const server = await dnsServer(t, (name) =>
    name === 'web.corp.example' ? { addresses: ['192.0.2.80'] } : NO_SUCH_NAME,
  )
  const { names, folder } = hostWith(t, {
    hosts: '192.0.2.7 here here.corp.example\n192.0.2.8 web.localhost',
    resolvConf: `${server.line}search other.example corp.example`,
  })
  t.strictSame(await ask(names, 'HERE'), ['192.0.2.7'])
  t.strictSame(await ask(names, 'web.localhost'), ['192.0.2.8'])
  t.strictSame([...(await ask(names, 'any.localhost'))].sort(), ['127.0.0.1', '::1'])
  t.strictSame(await ask(names, '10.66051'), ['10.1.2.3'])
  t.strictSame(server.asked, [], 'none of which is a question')
  t.strictSame(await ask(names, 'web', '127.0.0.1'), ['192.0.2.80'])
  t.strictSame(server.asked, ['A web.other.example', 'A web.corp.example'])
  await t.rejects(ask(names, `${'x'.repeat(64)}.example`), /no such name/)
  await t.rejects(ask(names, 'a..b'), /no such name/)
  t.equal(server.asked.length, 2, 'and what cannot be a name is not asked')

  writeFileSync(join(folder, 'hosts'), '192.0.2.9 web')
  t.strictSame(await ask(names, 'web', '127.0.0.1'), ['192.0.2.9'])
  writeFileSync(join(folder, 'nsswitch'), 'hosts: files')
  await t.rejects(ask(names, 'web.corp.example'), /no such name/)
  t.equal(server.asked.length, 2, 'DNS is not asked where nsswitch does not name it')
})
