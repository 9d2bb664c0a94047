/**
 * Names and values of the configuration in what other programs read: what one of them means
 * something else by is refused where the configuration is checked, and what gets as far as a
 * generator is either taken to the letter or refused there, never passed on.
 */
import t from 'tap'
import { parse } from 'yaml'
import { cloudInitFiles } from '../../../provisioning/generate/cloud-init.js'
import { openwrtFiles } from '../../../provisioning/generate/openwrt.js'
import type { OutputFile, Target } from '../../../provisioning/generate/output.js'
import { sysctlFiles } from '../../../provisioning/generate/sysctl-d.js'
import { systemdFiles } from '../../../provisioning/generate/systemd.js'
import { unitValue, unitWord } from '../../../provisioning/linux/unit-words.js'
import type { Description, Resource } from '../../../provisioning/resource.js'
import { nftInterface } from '../../../provisioning/setups/nft-words.js'
import { checkConfig } from '../../../src/config/load.js'

const HOSTILE = [
  'a"b', "a'b", 'a`b`', 'a\\', 'a\\b', 'eth*', 'a*', 'a?b', '[ab]', 'a,b', 'a;b', 'a$b', '$(id)', 'a{b}',
  'a b', 'a\tb', 'a\nb', 'a\rb', 'a\0b', 'a\u001bb', 'a\u0085b', 'a\u2028b', 'a/b', 'a:b', 'a%n', 'a=b', 'a#b',
  '-x', '.', '..', '', 'sixteen-letters-', 'üüüüüüüü', '__proto__',
] // prettier-ignore
const ODD = [
  'eth0',
  'eth0.100',
  'br-1a2b',
  'wg0',
  'a_b',
  'a@b',
  'a~b',
  'a+b',
  'ünï',
  '日本',
  'fifteen-letters',
]
const OBJECTS = ['constructor', 'toString', 'hasOwnProperty', 'valueOf']

const SERVICE = { type: 'socks5', listen: '127.0.0.1:0' }
const check = (host: object, service: object = SERVICE) =>
  checkConfig({ host: { setup: 'router', ...host }, services: [service] }, 'test.yaml')
const keyed = (key: string, value: unknown): object =>
  Object.defineProperty({}, key, { value, enumerable: true })

void t.test('interfaces: uplinks, of the LAN, of sockets', (t) => {
  for (const name of HOSTILE) {
    const said = encodeURIComponent(name)
    t.throws(() => check({ uplinks: keyed(name, {}) }), { code: 'MPTK_CONFIG' }, said)
    if (name === '__proto__') continue
    t.throws(() => check({ lan: { interfaces: name } }), { code: 'MPTK_CONFIG' }, said)
    t.throws(() => check({}, { ...SERVICE, device: name }), { code: 'MPTK_CONFIG' }, said)
  }
  for (const name of [...ODD, ...OBJECTS]) {
    const { host } = check(
      { uplinks: keyed(name, {}), lan: { interfaces: name } },
      { ...SERVICE, device: name },
    )
    t.strictSame(Object.keys(host?.uplinks ?? {}), [name])
  }
  t.end()
})

void t.test('sysctls: of the network, by their names, in one line', (t) => {
  const one = (name: string, value: unknown = '1') => check({ sysctls: keyed(name, value) })
  for (const name of [
    'kernel.core_pattern',
    'vm.overcommit_memory',
    'fs.suid_dumpable',
    'net',
    'net.',
    'net..x',
    'netx.y',
    'net.//.//.kernel.core_pattern',
    'net./.kernel',
    'net.//',
    'net.ipv4.conf.*.forwarding',
    'net.ipv4.conf.eth?.x',
    'net.a b',
    'net.a=b',
    'net.a\nkernel.core_pattern',
    '../kernel',
    'net.x;y',
    'net.$x',
    '__proto__',
  ]) /* prettier-ignore */ {
    t.throws(() => one(name), { code: 'MPTK_CONFIG' }, encodeURIComponent(name))
  }
  for (const name of [
    'net.ipv4.tcp_rmem',
    'net.ipv4.conf.eth0/100.rp_filter',
    'net.ipv6.conf.br-1.forwarding',
  ]) {
    t.strictSame(one(name).host?.sysctls, { [name]: '1' })
  }
  for (const value of ['1\n', '1\nkernel.core_pattern = |/tmp/x', '1\r2', '\0', '\u0085', 'ü']) {
    t.throws(() => one('net.ipv4.tcp_rmem', value), { code: 'MPTK_CONFIG' }, encodeURIComponent(value))
  }
  t.strictSame(one('net.ipv4.tcp_rmem', '1 2\t3').host?.sysctls, { 'net.ipv4.tcp_rmem': '1 2\t3' })
  t.end()
})

void t.test('names that objects have are users like any other, but for one that is told', (t) => {
  const users = (name: string) =>
    checkConfig({ services: [{ ...SERVICE, users: keyed(name, { password: 'x' }) }] }, 'f')
  for (const name of OBJECTS) {
    t.match(users(name).services[0], { users: keyed(name, { password: 'x' }) }, name)
  }
  t.throws(() => users('__proto__'), {
    code: 'MPTK_CONFIG',
    message: 'f: services[0].users.__proto__: expected another name, found __proto__',
  })
  const cyclic: Record<string, unknown> = { services: [SERVICE] }
  cyclic['itself'] = cyclic
  t.throws(() => checkConfig(cyclic, 'f'), { code: 'MPTK_CONFIG', message: /unknown key "itself"/ }, 'ends')
  t.end()
})

void t.test('files: no control characters', (t) => {
  const file = (usersFile: string) => check({}, { ...SERVICE, usersFile })
  for (const name of ['a\nb', '\0', 'a\u001b[2J', '']) t.throws(() => file(name), { code: 'MPTK_CONFIG' })
  t.doesNotThrow(() => file('/etc/my users $HOME "%n".yaml'))
  t.end()
})

void t.test('words of nft', (t) => {
  for (const name of [...HOSTILE, ...ODD]) {
    let word: string
    try {
      word = nftInterface(name)
    } catch (error) {
      t.match(error, { code: 'MPTK_HOST' })
      continue
    }
    t.match(word, /^"[^"\\\n]*(\\\*)?"$/, encodeURIComponent(name))
    t.notMatch(word, /[^\\]\*"$/, 'no wildcard')
  }
  t.end()
})

void t.test('words of units', (t) => {
  const unescaped = (word: string): string =>
    (word.startsWith('"') ? word.slice(1, -1) : word)
      .replaceAll('$$', '$')
      .replaceAll('%%', '%')
      .replaceAll(/\\(x([0-9a-f]{2})|.)/g, (_, all: string, hex?: string) =>
        hex === undefined ? all : String.fromCharCode(Number.parseInt(hex, 16)),
      )
  for (const name of [...HOSTILE, ...ODD]) {
    const word = unitWord(name)
    t.equal(unescaped(word), name, encodeURIComponent(name))
    t.notMatch(word, /\p{Cc}/u)
    const value = unitValue(name)
    t.notMatch(value, /\p{Cc}|\\$|(?<!%)(%%)*%(?!%)/u)
  }
  t.end()
})

/** Resources as no configuration makes them: a generator must not rely on who called it. */
function hostile(text: string): Description {
  const why = text
  const resources: Resource[] = [
    { kind: 'sysctl', name: 'net.ipv4.tcp_rmem', value: text, why },
    { kind: 'sysctl', name: `net.ipv4.conf.${text}.forwarding`, value: '1', why },
    { kind: 'sysctl', name: 'module/mptcp_x/y', value: text, why },
    { kind: 'rule', family: 4, priority: 5200, from: text, table: 5200, why },
    { kind: 'endpoint', id: 200, address: '10.0.1.2', device: text, flags: [], why },
    { kind: 'file', path: '/etc/mptk/x', mode: '0644', content: text, why },
    { kind: 'service', name: 'mptk', argv: ['/bin/true', text], listens: [], restartOn: [], capabilities: [], why },
  ] // prettier-ignore
  return { resources, notes: [], warnings: [] }
}

/** Of each file, the lines that its tool would act on beside the ones of a harmless description. */
function foreignLines(files: readonly OutputFile[], text: string): string[] {
  const tail = text.split(/[\n\r\0]/).at(-1) ?? ''
  return files
    .filter(({ path }) => /sysctl\.d|modprobe\.d|\.service$|uci-defaults|\.nft$/.test(path))
    .flatMap(({ content }) => content.split(/[\n\r\0]/))
    .filter((line) => line.startsWith(tail))
}

void t.test('no generator lets a value go on in a line of its own', (t) => {
  const target: Target = {
    configFile: '/etc/mptk/mptk.yaml',
    config: '',
    mptk: '/opt/m p/"%n$X/bin/mptk',
    package: { source: '/root/mptk.tgz', sha256: '0'.repeat(64), compile: false },
  }
  const INJECTED = ['1\nkernel.core_pattern = |/x', '1\rExecStartPre=/x', '1\0ExecStartPre=/x', "1'\nset x=y"]
  for (const text of INJECTED) {
    for (const generate of [sysctlFiles, systemdFiles, openwrtFiles, cloudInitFiles]) {
      for (const resource of hostile(text).resources) {
        const description: Description = { resources: [resource], notes: [], warnings: [] }
        let files: OutputFile[]
        try {
          files = generate(description, target)
        } catch (error) {
          t.match(error, { code: 'MPTK_HOST' }, `${generate.name} ${resource.kind} refuses`)
          continue
        }
        const inner = files.flatMap((file) => (file.path === '/user-data' ? writtenBy(file.content) : [file]))
        t.strictSame(foreignLines(inner, text), [], `${resource.kind} ${encodeURIComponent(text)}`)
      }
    }
  }
  for (const text of ["it's", "'; reboot; '"]) {
    t.throws(() => openwrtFiles(hostile(text), target), { code: 'MPTK_HOST' }, 'uci has no escapes')
  }
  for (const name of ['eth*', 'a=b', 'a?', '[x]', 'a b']) {
    t.throws(() => sysctlFiles(hostile(name), target), { code: 'MPTK_HOST' }, 'a wildcard of sysctl.d')
  }
  const host = systemdFiles({ resources: [], notes: [], warnings: [] }, target)
  const unit = host.find(({ path }) => path.endsWith('mptk-host.service'))?.content
  t.match(unit, 'ExecStart="/opt/m p/\\"%%n$$X/bin/mptk" apply ', 'the command itself')
  t.end()
})

function writtenBy(userData: string): OutputFile[] {
  const { write_files } = parse(userData) as { write_files: { path: string; content: string }[] }
  return write_files.map(({ path, content }) => ({ path, content, mode: '0644' }))
}
