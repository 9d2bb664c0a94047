import { networkInterfaces } from 'node:os'
import t from 'tap'
import { protectedReason } from '../../../proxy/rules/protected.js'
import { Rules, type Subject } from '../../../proxy/rules/rules.js'
import { checkConfig } from '../../../src/config/load.js'
import type { RuleConfig } from '../../../src/config/service.js'
import { native } from '../../../src/native.js'

/** Rules as a configuration file would give them. */
function rules(...list: object[]): Rules {
  return new Rules(ruleConfigs(list))
}

function ruleConfigs(list: object[]): RuleConfig[] {
  const { services } = checkConfig(
    { services: [{ type: 'socks5', listen: '127.0.0.1:1', rules: list }] },
    'test',
  )
  const [service] = services
  if (service?.type !== 'socks5') throw new Error('no socks5 service')
  return service.rules
}

const somebody: Subject = { source: '198.51.100.7' }

/** What becomes of a request: refused at once, or which of the name's addresses may be dialled. */
function outcome(
  rules: Rules,
  host: string,
  options: { port?: number; subject?: Subject; addresses?: string[] } = {},
) {
  const { port = 443, subject = somebody, addresses = [] } = options
  try {
    rules.admit(subject, { host, port }, true)
  } catch (error) {
    return (error as { code: string }).code
  }
  return addresses.filter((address) => rules.allows(subject, { host, port }, address))
}

const PUBLIC = '203.0.113.5'
const ADMITTED: string[] = []
const DENIED = 'MPTK_DENIED'

void t.test('without rules everything is allowed but what is protected', (t) => {
  const none = rules()
  t.strictSame(outcome(none, 'example.org', { addresses: [PUBLIC, '2001:db8::5'] }), [PUBLIC, '2001:db8::5'])
  t.strictSame(outcome(none, PUBLIC), ADMITTED)
  t.strictSame(outcome(none, '10.0.0.1'), ADMITTED, 'private networks are what a proxy is often for')
  for (const host of [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '169.254.169.254',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:42::42',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fe80::1',
    'fe80::1%1',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
  ]) {
    t.equal(outcome(none, host), DENIED, host)
    t.strictSame(
      outcome(none, 'evil.example', { addresses: [host, PUBLIC] }),
      [PUBLIC],
      `a name that means ${host}`,
    )
  }
  t.throws(() => none.admit(somebody, { host: '127.0.0.1', port: 22 }, true), {
    code: DENIED,
    message: '127.0.0.1:22 is not allowed: it is a loopback address',
  })
  t.end()
})

void t.test("this host's own addresses", (t) => {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  t.ok(own.length > 0)
  for (const { address, family } of own) {
    t.type(protectedReason(address), 'string', address)
    t.equal(outcome(rules({ allow: {} }), address), DENIED, `${address}, whatever is allowed in general`)
    if (family === 'IPv4') {
      const groups = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
      const mapped = `::ffff:${groups.slice(0, 2).join('')}:${groups.slice(2).join('')}`
      t.equal(outcome(rules(), mapped), DENIED, `${mapped}, which is ${address}`)
    } else t.type(protectedReason(`${address}%9`), 'string', `${address} with a zone`)
  }
  t.end()
})

void t.test('when the kernel cannot be asked, nobody gets anywhere', (t) => {
  const failure = Object.assign(new Error('netlink socket: EAFNOSUPPORT'), {
    code: 'EAFNOSUPPORT',
    syscall: 'netlink socket',
  })
  t.intercept(native, 'netlink', {
    value: () => {
      throw failure
    },
  })
  t.throws(() => rules().admit(somebody, { host: PUBLIC, port: 443 }, true), failure)
  t.throws(() => rules().allows(somebody, { host: 'two.example', port: 443 }, PUBLIC), failure)
  t.equal(outcome(rules({ deny: {} }), PUBLIC), DENIED, 'where that does not matter it is not asked')
  t.end()
})

void t.test('IPv4 inside IPv6 is judged as both', (t) => {
  const noLan = rules({ deny: { destinations: '10.0.0.0/8' } })
  const forms = (ipv4: string, teredo: string, hex: string): string[] => [
    `64:ff9b::${ipv4}`,
    `64:ff9b:1::${ipv4}`,
    `::${ipv4}`,
    `::ffff:${ipv4}`,
    `::ffff:0:${ipv4}`,
    `2002:${hex}::1`,
    `2001:0:c633:6407:8000:63bf:${teredo}`,
    `2001:db8::5efe:${ipv4}`,
  ]
  for (const address of forms('10.1.2.3', 'f5fe:fdfc', 'a01:203')) {
    t.equal(outcome(noLan, address), DENIED, address)
    t.strictSame(outcome(noLan, 'evil.example', { addresses: [address, PUBLIC] }), [PUBLIC])
    t.strictSame(outcome(rules(), address), ADMITTED, `${address}, where that network is open`)
  }
  for (const address of forms('127.0.0.1', '80ff:fffe', '7f00:1')) {
    t.equal(outcome(rules(), address), DENIED, address)
    t.equal(outcome(rules({ allow: { destinations: '::/0' } }), address), DENIED, `${address} of all IPv6`)
  }
  const both = rules({ allow: { destinations: ['64:ff9b::/96', '127.0.0.0/8'] } })
  t.strictSame(outcome(both, '64:ff9b::127.0.0.1'), ADMITTED, 'a rule that names both')
  const one = rules({ allow: { destinations: '64:ff9b::/96' } }, { deny: {} })
  t.equal(outcome(one, `64:ff9b::${PUBLIC}`), DENIED, 'each may deny it')
  t.strictSame(outcome(rules({ allow: { destinations: '::1' } }), '::1'), ADMITTED)
  t.throws(() => rules().admit(somebody, { host: '64:ff9b::7f00:1', port: 22 }, true), {
    code: DENIED,
    message: '[64:ff9b::7f00:1]:22 is not allowed, for it carries 127.0.0.1: it is a loopback address',
  })

  const own = '2001:db8:64::10.1.2.3'
  const list = ruleConfigs([{ deny: { destinations: '10.0.0.0/8' } }])
  t.equal(outcome(new Rules(list, { nat64: ['2001:db8:64::/96'] }), own), DENIED, "the network's own prefix")
  t.strictSame(outcome(new Rules(list), own), ADMITTED)
  t.end()
})

void t.test('one word for private networks', (t) => {
  const hidden = rules({ deny: { destinations: 'private' } })
  for (const address of [
    '10.0.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    'fd00::1',
    'fec0::1',
    'fe80::1',
    '::ffff:10.0.0.1',
    '64:ff9b::192.168.1.1',
  ]) {
    t.equal(outcome(hidden, address), DENIED, address)
    t.strictSame(outcome(hidden, 'evil.example', { addresses: [address, PUBLIC] }), [PUBLIC], address)
  }
  for (const address of [PUBLIC, '172.32.0.1', '100.128.0.1', '2001:db8::1', '64:ff9b::8.8.8.8']) {
    t.strictSame(outcome(hidden, address), ADMITTED, address)
  }
  t.strictSame(outcome(hidden, 'private.example', { addresses: [PUBLIC] }), [PUBLIC])
  const only = rules({ allow: { destinations: 'private' } }, { deny: {} })
  t.strictSame(outcome(only, '10.0.0.1'), ADMITTED)
  t.equal(outcome(only, PUBLIC), DENIED)
  for (const address of ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254']) {
    t.equal(outcome(only, address), DENIED, `${address}: a word opens nothing that is protected`)
    t.strictSame(outcome(rules({ allow: { destinations: address } }), address), ADMITTED, 'its prefix does')
  }
  t.end()
})

void t.test('only a rule that names the prefix opens a protected address', (t) => {
  t.equal(outcome(rules({ allow: {} }), '127.0.0.1'), DENIED)
  t.equal(outcome(rules({ allow: { destinations: '*' } }), '127.0.0.1'), DENIED)
  t.equal(outcome(rules({ allow: { ports: 443 } }), '127.0.0.1'), DENIED)
  t.strictSame(outcome(rules({ allow: { destinations: '127.0.0.0/8' } }), '127.0.0.1'), ADMITTED)
  t.strictSame(outcome(rules({ allow: { destinations: '127.0.0.1' } }), '::ffff:127.0.0.1'), ADMITTED)
  t.equal(outcome(rules({ allow: { destinations: '127.0.0.1' } }), '127.0.0.2'), DENIED)
  const local = rules({ allow: { destinations: 'localhost' } })
  t.strictSame(outcome(local, 'localhost', { addresses: ['127.0.0.1', '::1'] }), [], 'a name alone does not')
  const both = rules({ allow: { destinations: ['127.0.0.1', '*.local'] } })
  t.strictSame(outcome(both, 'a.local', { addresses: ['127.0.0.1', '127.0.0.2'] }), ['127.0.0.1'])
  t.strictSame(
    outcome(rules({ allow: { destinations: '127.0.0.1', ports: 80 } }), '127.0.0.1', { port: 22 }),
    DENIED,
    'and only for its ports',
  )
  t.end()
})

void t.test('the first rule that matches decides', (t) => {
  const list = rules(
    { deny: { destinations: 'bad.example.org' } },
    { allow: { destinations: '*.example.org' } },
    { deny: {} },
    { allow: { destinations: 'late.example' } },
  )
  t.equal(outcome(list, 'bad.example.org'), DENIED)
  t.equal(outcome(list, 'BAD.example.org'), DENIED, 'names have no case')
  t.strictSame(outcome(list, 'good.example.org', { addresses: [PUBLIC] }), [PUBLIC])
  t.strictSame(outcome(list, 'a.b.example.org', { addresses: [PUBLIC] }), [PUBLIC])
  t.equal(outcome(list, 'example.org'), DENIED, '*.example.org is what is below it')
  t.equal(outcome(list, 'notexample.org'), DENIED)
  t.equal(outcome(list, 'example.org.evil'), DENIED)
  t.equal(outcome(list, 'examplexorg'), DENIED)
  t.equal(outcome(list, 'late.example'), DENIED)
  t.equal(outcome(list, PUBLIC), DENIED)
  t.end()
})

void t.test('prefixes are judged after DNS, address by address', (t) => {
  const noLan = rules({ deny: { destinations: '10.0.0.0/8' } })
  t.strictSame(outcome(noLan, 'two.example', { addresses: ['10.1.1.1', PUBLIC] }), [PUBLIC])
  t.equal(outcome(noLan, '10.1.1.1'), DENIED, 'a literal needs no DNS')
  t.equal(outcome(noLan, '::ffff:10.1.1.1'), DENIED, 'however it is written')
  const onlyLan = rules({ allow: { destinations: '10.0.0.0/8' } }, { deny: {} })
  t.strictSame(outcome(onlyLan, 'two.example', { addresses: ['10.1.1.1', PUBLIC] }), ['10.1.1.1'])
  const nameFirst = rules({ deny: { destinations: ['10.0.0.0/8', 'evil.example'] } }, { allow: {} })
  t.equal(outcome(nameFirst, 'evil.example'), DENIED, 'a denied name is never looked up')
  const shadowed = rules({ allow: { destinations: '10.0.0.0/8' } }, { deny: { destinations: '*' } })
  t.strictSame(
    outcome(shadowed, 'two.example', { addresses: ['10.1.1.1', PUBLIC] }),
    ['10.1.1.1'],
    'a later word on the name does not come before an earlier one on its addresses',
  )
  t.end()
})

void t.test('where an upstream resolves names, rules about prefixes match none', (t) => {
  const admit = (list: Rules, host: string) => () => list.admit(somebody, { host, port: 80 }, false)
  const onlyLan = rules({ allow: { destinations: '10.0.0.0/8' } }, { deny: {} })
  t.throws(admit(onlyLan, 'any.example'), { code: DENIED })
  t.doesNotThrow(admit(onlyLan, '10.1.1.1'))
  const noLan = rules({ deny: { destinations: ['10.0.0.0/8', 'evil.example'] } })
  t.doesNotThrow(admit(noLan, 'any.example'))
  t.throws(admit(noLan, 'evil.example'), { code: DENIED })
  t.throws(admit(noLan, '10.1.1.1'), { code: DENIED })
  t.throws(admit(noLan, '127.0.0.1'), { code: DENIED }, 'literals of this host stay protected')
  t.end()
})

void t.test('ports, users and sources narrow a rule', (t) => {
  const web = rules({ allow: { ports: [80, '8000-8010', 443] } }, { deny: {} })
  for (const port of [80, 443, 8000, 8005, 8010])
    t.strictSame(outcome(web, PUBLIC, { port }), ADMITTED, `port ${port}`)
  for (const port of [79, 81, 7999, 8011]) t.equal(outcome(web, PUBLIC, { port }), DENIED, `port ${port}`)

  const staff = rules({ allow: { users: ['alice', 'bob'] } }, { deny: {} })
  const user = (name?: string): { subject: Subject } => ({
    subject: { ...somebody, ...(name !== undefined && { user: name }) },
  })
  t.strictSame(outcome(staff, PUBLIC, user('alice')), ADMITTED)
  t.equal(outcome(staff, PUBLIC, user('Alice')), DENIED, 'user names have case')
  t.equal(outcome(staff, PUBLIC, user()), DENIED)

  const lan = rules({ allow: { sources: ['192.168.0.0/16', '2001:db8::/32'] } }, { deny: {} })
  const from = (source: string): { subject: Subject } => ({ subject: { source } })
  t.strictSame(outcome(lan, PUBLIC, from('192.168.3.4')), ADMITTED)
  t.strictSame(outcome(lan, PUBLIC, from('::ffff:192.168.3.4')), ADMITTED, 'as a listener on [::] sees it')
  t.strictSame(outcome(lan, PUBLIC, from('2001:db8::9')), ADMITTED)
  t.equal(outcome(lan, PUBLIC, from('198.51.100.7')), DENIED)

  const all = rules({ deny: { destinations: 'a.example', ports: 25, users: 'bob', sources: '10.0.0.0/8' } })
  const subject = { source: '10.0.0.1', user: 'bob' }
  t.equal(outcome(all, 'a.example', { port: 25, subject }), DENIED)
  t.strictSame(outcome(all, 'b.example', { port: 25, subject }), ADMITTED)
  t.strictSame(outcome(all, 'a.example', { port: 26, subject }), ADMITTED)
  t.strictSame(outcome(all, 'a.example', { port: 25, subject: { ...subject, user: 'eve' } }), ADMITTED)
  t.strictSame(outcome(all, 'a.example', { port: 25, subject: { ...subject, source: '11.0.0.1' } }), ADMITTED)
  t.end()
})
