/** The service's unit: who it runs as, and what of root's it is given. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describe } from '../../../provisioning/describe.js'
import type { HostFacts } from '../../../provisioning/facts.js'
import { unitText } from '../../../provisioning/linux/unit-text.js'
import type { ServiceResource } from '../../../provisioning/resource.js'
import { checkConfig, loadPassword } from '../../../src/config/load.js'
import { credentialName } from '../../../src/config/credential.js'
import { hostFacts } from '../../support/host-facts.js'
import { scratchFolder } from '../../support/scratch.js'

const OUT_OF_TREE: Partial<HostFacts> = {
  flavour: 'out-of-tree',
  pathManagers: { available: ['default', 'fullmesh'], current: 'default' },
}
const SOCKS5 = { type: 'socks5', listen: '127.0.0.1:1080' }

function described(services: object[], host: object = {}, facts: Partial<HostFacts> = {}) {
  const config = checkConfig({ services, host: { setup: 'proxy', ...host } }, 'test.yaml')
  return describe(config, hostFacts({ systemd: true, ...facts }), { configFile: '/etc/mptk/mptk.yaml' })
}

function named(name: string, ...args: Parameters<typeof described>): ServiceResource | undefined {
  const { resources } = described(...args)
  return resources.find((each): each is ServiceResource => each.kind === 'service' && each.name === name)
}

function serviceOf(...args: Parameters<typeof described>): ServiceResource {
  const found = named('mptk', ...args)
  if (found === undefined) throw new Error('no service')
  return found
}

void t.test('only what the configuration needs', (t) => {
  const of = (service: object, facts?: Partial<HostFacts>, host?: object): readonly string[] =>
    serviceOf([{ ...SOCKS5, ...service }], host, facts).capabilities
  t.strictSame(of({}), [])
  t.strictSame(of({ listen: '127.0.0.1:443' }), ['CAP_NET_BIND_SERVICE'])
  t.strictSame(of({ mark: 7 }), ['CAP_NET_ADMIN'], 'SO_MARK')
  t.strictSame(of({ egress: { mark: 7 } }), ['CAP_NET_ADMIN'], 'of any of its sockets')
  const upstream = { type: 'socks5', address: '10.0.0.1:1080' }
  t.strictSame(of({ upstream: { ...upstream, mark: 7 } }), ['CAP_NET_ADMIN'])
  const congestion = { available: ['cubic', 'reno', 'bbr'], allowed: ['cubic', 'bbr'], current: 'cubic' }
  t.strictSame(
    of({ upstream: { ...upstream, congestion: 'bbr' } }, { congestion }),
    [],
    'bbr is for everybody',
  )
  t.strictSame(of({ upstream: { ...upstream, congestion: 'reno' } }, { congestion }), ['CAP_NET_ADMIN'])
  t.strictSame(of({ device: 'wlan' }), [], 'SO_BINDTODEVICE')
  t.strictSame(of({ device: 'wlan' }, OUT_OF_TREE), ['CAP_NET_RAW'])
  t.strictSame(of({ scheduler: 'roundrobin' }, OUT_OF_TREE), ['CAP_NET_ADMIN'])
  t.strictSame(of({}, {}, { uplinks: { wlan: {} } }), [], 'uplinks are the keeper’s')
  t.strictSame(of({}, { systemd: false }, { uplinks: { wlan: {} } }), ['CAP_NET_ADMIN'], 'where there is one')
  t.strictSame(
    serviceOf([{ type: 'transparent', listen: '0.0.0.0:5201', intercept: 'tproxy', upstream }, SOCKS5])
      .capabilities,
    ['CAP_NET_ADMIN'],
    'IP_TRANSPARENT',
  )
  t.end()
})

void t.test('a user of its own, whom systemd hands the files', (t) => {
  const files = ['/etc/mptk/mptk.yaml', '/etc/my users/5 %.yaml']
  const service = serviceOf([{ ...SOCKS5, usersFile: files[1] }])
  const text = unitText(service)
  t.match(text, /^DynamicUser=yes\nUser=mptk$/m)
  for (const file of files) {
    t.match(text, `\nLoadCredential=${credentialName(file)}:${file.replace('%', '%%')}\n`)
    t.match(credentialName(file), /^[\w.-]+$/)
  }
  t.match(text, /^CapabilityBoundingSet=$/m)
  t.match(text, /^AmbientCapabilities=$/m)
  t.match(text, /^UMask=0077$/m)
  t.match(text, /^SystemCallFilter=@system-service$/m)
  t.match(text, /^ProtectKernelTunables=yes$/m)
  t.match(text, /^RestrictAddressFamilies=.*\bAF_NETLINK\b/m)
  t.match(text, /^LimitNOFILE=1048576$/m)
  t.not(credentialName('/a/users.yaml'), credentialName('/b/users.yaml'))
  t.equal(credentialName('/a/../b/x'), credentialName('/b/x'))
  t.throws(() => unitText(serviceOf([{ ...SOCKS5, usersFile: '/etc/x\\' }])), { code: 'MPTK_HOST' })
  t.end()
})

void t.test('what must be root keeps the host, without a listener', (t) => {
  const keeper = named('mptk-keep', [SOCKS5])
  t.match(keeper, { listens: [], capabilities: ['CAP_NET_ADMIN'], ownUser: undefined })
  t.strictSame(keeper?.argv.slice(-5), [
    'keep',
    '--config',
    '/etc/mptk/mptk.yaml',
    '--state',
    '/run/mptk/keep.json',
  ])
  const text = keeper === undefined ? '' : unitText(keeper)
  t.match(text, /^RuntimeDirectory=mptk\nRuntimeDirectoryMode=0755$/m)
  t.match(text, /^ProtectKernelTunables=no$/m)
  t.match(text, /^ReadOnlyPaths=-\/proc\/sys\/kernel /m, 'sysctls of the network only')
  t.notMatch(text, /DynamicUser/)
  const service = serviceOf([SOCKS5])
  t.strictSame(service.argv.slice(-2), ['--kept-by', '/run/mptk/keep.json'])
  t.match(unitText(service), /^After=.* mptk-keep\.service$/m)
  t.equal(named('mptk-keep', [SOCKS5], { manager: 'none' }), undefined)
  t.notMatch(serviceOf([SOCKS5], { manager: 'none' }).argv, ['--kept-by'])
  t.end()
})

void t.test('where systemd cannot, it is said, and root has no capability more', (t) => {
  const whyNoOwnUser = 'nobody but root can run it'
  const { warnings } = described([SOCKS5], {}, { whyNoOwnUser })
  t.match(warnings, [`the service runs as root, with its capabilities alone: ${whyNoOwnUser}`])
  const text = unitText(serviceOf([SOCKS5], {}, { whyNoOwnUser }))
  t.notMatch(text, /DynamicUser|LoadCredential/)
  t.match(text, /^CapabilityBoundingSet=$/m)
  t.notOk(serviceOf([SOCKS5], { manager: 'none' }).ownUser)
  t.notOk(serviceOf([SOCKS5], {}, { systemd: false }).ownUser)
  t.strictSame(described([SOCKS5]).warnings, [])
  t.end()
})

void t.test('a file that was handed over is read in the place of the one that is named', async (t) => {
  const [folder, named] = [scratchFolder(t), join(scratchFolder(t), 'password')]
  writeFileSync(named, 'of the file\n', { mode: 0o600 })
  process.env['CREDENTIALS_DIRECTORY'] = folder
  t.teardown(() => delete process.env['CREDENTIALS_DIRECTORY'])
  t.equal(await loadPassword(named), 'of the file')
  writeFileSync(join(folder, credentialName(named)), 'handed over\n', { mode: 0o400 })
  t.equal(await loadPassword(named), 'handed over')
  mkdirSync(join(folder, credentialName('/nonexistent/x')))
  await t.rejects(loadPassword('/nonexistent/x'), {
    code: 'MPTK_CONFIG_FILE',
    message: 'cannot read /nonexistent/x: expected a file, found something else',
  })
})
