// What this host's files say of names, without asking anybody.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Cancel } from '../../../../src/net/cancel.js'
import type { Answer } from '../../../../src/net/names/answer.js'
import { parseHosts } from '../../../../src/net/names/hosts-file.js'
import { inetAton } from '../../../../src/net/names/inet-aton.js'
import { askModule, concerns, parseAhosts } from '../../../../src/net/names/name-module.js'
import { parseNsswitch } from '../../../../src/net/names/nsswitch.js'
import { candidates, parseResolvConf } from '../../../../src/net/names/resolv-conf.js'
import { SystemNames } from '../../../../src/net/names/system-names.js'
import { WatchedFile } from '../../../../src/net/names/watched-file.js'

void t.test('hosts', (t) => {
  const hosts = parseHosts(`
127.0.0.1\tlocalhost  localhost.localdomain
::1 localhost # not ip6-localhost
192.0.2.1 Web.Example www
192.0.2.2 www
192.0.2.2 www
no.address.here name
192.0.2.3`)
  t.strictSame(Object.fromEntries(hosts), {
    localhost: { ipv4: ['127.0.0.1'], ipv6: ['::1'] },
    'localhost.localdomain': { ipv4: ['127.0.0.1'], ipv6: [] },
    'web.example': { ipv4: ['192.0.2.1'], ipv6: [] },
    www: { ipv4: ['192.0.2.1', '192.0.2.2'], ipv6: [] },
  })
  t.equal(hosts.get('constructor'), undefined)
  t.end()
})

void t.test('resolv.conf', (t) => {
  t.strictSame(parseResolvConf('', 'box'), {
    servers: ['127.0.0.1'],
    search: [],
    ndots: 1,
    timeout: 5000,
    attempts: 2,
  })
  const text = `
# nameserver 192.0.2.9
nameserver 192.0.2.1 ; a comment
nameserver fe80::1%eth0
nameserver [2001:db8::1]:5300
nameserver 192.0.2.4
nameserver not.an.address
domain first.example
search Example.ORG corp.example.
options ndots:2 timeout:99 attempts:0 rotate edns0`
  t.strictSame(parseResolvConf(text, 'box.local.example'), {
    servers: ['192.0.2.1', 'fe80::1%eth0', '[2001:db8::1]:5300'],
    search: ['example.org', 'corp.example'],
    ndots: 2,
    timeout: 30_000,
    attempts: 1,
  })
  const search = (given: string, host = 'box.home.example') => parseResolvConf(given, host).search
  t.strictSame(search(''), ['home.example'], "the host's own domain")
  t.strictSame(search('search .'), [], 'none, said plainly')
  t.strictSame(search('search a\ndomain b'), ['b'], 'the last counts')
  t.end()
})

void t.test('the forms of a name', (t) => {
  const conf = parseResolvConf('search a.example b.example', 'box')
  t.strictSame(candidates('www', conf), ['www.a.example', 'www.b.example', 'www'])
  t.strictSame(candidates('www.org', conf), ['www.org', 'www.org.a.example', 'www.org.b.example'])
  const two = parseResolvConf('search a.example\noptions ndots:2', 'box')
  t.strictSame(candidates('www.org', two), ['www.org.a.example', 'www.org'])
  t.end()
})

void t.test('nsswitch.conf', (t) => {
  const order = (line: string): string =>
    parseNsswitch(line)
      .map(({ module, final }) => (final ? `${module}!` : module))
      .join(' ')
  t.equal(order(''), 'files dns')
  t.equal(order('passwd: compat\nhosts:'), 'files dns')
  t.equal(order('hosts:   files dns # as most'), 'files dns')
  t.equal(order('#hosts: files\nhosts: dns files'), 'dns files')
  t.equal(order('hosts: files mdns4_minimal [NOTFOUND=return] dns'), 'files mdns4_minimal! dns')
  t.equal(order('hosts: files [notfound = return] dns'), 'files dns', 'not how it is written')
  t.equal(
    order('hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns'),
    'mymachines dns files myhostname',
  )
  t.equal(order('hosts: dns [!UNAVAIL=return] files'), 'dns! files')
  t.equal(order('hosts: files[NOTFOUND=return]dns'), 'files! dns')
  t.end()
})

void t.test('modules are asked for what only they know', (t) => {
  t.ok(concerns('mdns4_minimal', 'printer.local'))
  t.notOk(concerns('mdns4_minimal', 'www.example.org'))
  t.notOk(concerns('mdns4', 'local.example'))
  t.ok(concerns('mymachines', 'container'))
  t.notOk(concerns('wins', 'www.example.org'))
  t.ok(concerns('myhostname', '_gateway'))
  t.notOk(concerns('myhostname', 'container'))
  t.strictSame(parseAhosts('192.0.2.1  STREAM x\n192.0.2.1  DGRAM\n192.0.2.1  RAW\n2001:db8::1 STREAM\n'), {
    kind: 'found',
    ipv4: ['192.0.2.1'],
    ipv6: ['2001:db8::1'],
    ttl: 0,
  })
  t.strictSame(parseAhosts(''), { kind: 'missing' })
  t.end()
})

void t.test('a module is asked through getent', async (t) => {
  const never = new Cancel()
  t.match(await askModule('files', 'localhost', never), { kind: 'found', ipv4: ['127.0.0.1'] })
  t.strictSame(await askModule('files', 'no.such.name', never), { kind: 'missing' })
  t.match(await askModule('files; rm', 'localhost', never), { kind: 'failed' })
  const leaving = new Cancel()
  const withdrawn = askModule('files', 'localhost', leaving)
  leaving.abort(new Error('gone'))
  t.match(await withdrawn, { kind: 'failed' }, 'and is ended with who asked')
})

void t.test('modules in the order of nsswitch', async (t) => {
  const folder = t.testdir({
    hosts: '192.0.2.1 here here.local',
    resolvConf: '',
    nsswitch: 'hosts: mdns4_minimal [NOTFOUND=return] files mymachines',
  })
  const asked: string[] = []
  const ask = (module: string, name: string): Promise<Answer> => {
    asked.push(`${module} ${name}`)
    const known = name === 'printer.local' || name === 'container'
    return Promise.resolve(
      known ? { kind: 'found', ipv4: ['192.0.2.2'], ipv6: [], ttl: 0 } : { kind: 'missing' },
    )
  }
  const path = (name: string): string => join(folder, name)
  const files = { hosts: path('hosts'), resolvConf: path('resolvConf'), nsswitch: path('nsswitch') }
  const names = new SystemNames(files, undefined, ask)
  const found = async (name: string): Promise<string> => {
    const answer = await names.lookup(name, 4, new Cancel())
    return answer.kind === 'found' ? answer.ipv4.join() : answer.kind
  }
  t.equal(await found('printer.local'), '192.0.2.2')
  t.equal(await found('here.local'), 'missing', 'what mDNS does not find is nowhere')
  t.equal(await found('here'), '192.0.2.1')
  t.equal(await found('container'), '192.0.2.2')
  t.equal(await found('www.example.org'), 'missing')
  t.strictSame(asked, ['mdns4_minimal printer.local', 'mdns4_minimal here.local', 'mymachines container'])
})

void t.test('older notations of IPv4', (t) => {
  for (const [text, address] of [
    ['2130706433', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['10.66051', '10.1.2.3'],
    ['10.1.515', '10.1.2.3'],
    ['0x0a010203', '10.1.2.3'],
    ['0x0A.1.0x2.03', '10.1.2.3'],
    ['012.1.2.3', '10.1.2.3'],
    ['0', '0.0.0.0'],
    ['4294967295', '255.255.255.255'],
  ] as const) {
    t.equal(inetAton(text), address, text)
  }
  for (const text of [
    '',
    '.',
    '1.',
    '1.2.3.4.5',
    '256.1',
    '1.256.1',
    '4294967296',
    '09',
    '1e3',
    '0x',
    '1.2.x',
    'a',
  ]) {
    t.equal(inetAton(text), undefined, JSON.stringify(text))
  }
  t.end()
})

void t.test('a file is read again when it is another', (t) => {
  const path = join(t.testdir({}), 'file')
  let parsed = 0
  const file = new WatchedFile(path, (text) => {
    parsed++
    return text
  })
  t.equal(file.read(), '', 'not there')
  writeFileSync(path, 'one')
  t.equal(file.read(), 'one')
  t.equal(file.read(), 'one')
  t.equal(parsed, 2, 'not read again for nothing')
  writeFileSync(path, 'longer')
  t.equal(file.read(), 'longer')
  rmSync(path)
  t.equal(file.read(), '')
  t.end()
})
