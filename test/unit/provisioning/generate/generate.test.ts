/** What the generated files say. */
import t from 'tap'
import { parse } from 'yaml'
import { cloudInitFiles } from '../../../../provisioning/generate/cloud-init.js'
import { openwrtFiles } from '../../../../provisioning/generate/openwrt.js'
import { sysctlFiles } from '../../../../provisioning/generate/sysctl-d.js'
import { systemdFiles } from '../../../../provisioning/generate/systemd.js'
import { DESCRIPTION, TARGET } from './description.js'

const CLOUD = {
  ...TARGET,
  mptk: '/usr/local/bin/mptk',
  package: { source: 'https://example.org/mptk.tgz', sha256: 'ab'.repeat(32), compile: false },
}

void t.test('cloud-init: everything of systemd, the packages, and the commands in their order', (t) => {
  const [file] = cloudInitFiles(DESCRIPTION, CLOUD)
  const text = file?.content ?? ''
  t.match(text, /^#cloud-config\n/)
  const data = parse(text) as {
    packages: string[]
    write_files: { path: string; permissions: string; content: string }[]
    runcmd: string[][]
  }
  t.strictSame(
    data.write_files.map(({ path, permissions, content }) => ({ path, mode: permissions, content })),
    systemdFiles(DESCRIPTION, CLOUD),
  )
  t.ok(
    data.write_files.every(({ permissions }) => typeof permissions === 'string'),
    'no octal number is lost',
  )
  t.strictSame(
    data.packages,
    ['nodejs', 'npm', 'curl', 'ca-certificates', 'iproute2', 'nftables', 'dnsmasq-base'],
    'no compiler, since the package has a prebuilt core',
  )
  const [install = []] = data.runcmd
  t.strictSame(install.slice(3), ['sh', CLOUD.package.source, CLOUD.package.sha256, '/usr/local'])
  const steps = (install[2] ?? '').split('\n').map((line) => line.trim().split(' ')[0])
  t.ok(steps.indexOf('echo') < steps.indexOf('npm'), 'checked before it is installed')
  t.notMatch(install[2], /npm install .*mptcp-toolkit/, 'never by a name that somebody may register')
  t.strictSame(
    data.runcmd.map(([first, second]) => `${first} ${second}`),
    [
      ...['sh -ec', 'systemctl daemon-reload', 'systemctl enable', 'sysctl --system'],
      ...['systemctl enable', 'systemctl enable'],
    ],
  )
  t.strictSame(data.runcmd[2], ['systemctl', 'enable', '--now', 'mptk-barrier.service'], 'before forwarding')
  t.end()
})

void t.test('cloud-init: what it cannot write is one clear error', (t) => {
  const { package: tarball, ...none } = CLOUD
  t.throws(() => cloudInitFiles(DESCRIPTION, none), {
    code: 'MPTK_USAGE',
    message: /^--package: expected the URL of a tarball .*, found none$/,
  })
  t.throws(() => cloudInitFiles(DESCRIPTION, { ...CLOUD, mptk: '/opt/mptk' }), {
    code: 'MPTK_USAGE',
    message: '--mptk: expected PREFIX/bin/mptk, where npm puts it, found "/opt/mptk"',
  })
  const [compiled] = cloudInitFiles(DESCRIPTION, { ...CLOUD, package: { ...tarball, compile: true } })
  const { packages } = parse(compiled?.content ?? '') as { packages: string[] }
  for (const each of ['g++', 'make', 'python3']) t.ok(packages.includes(each), each)
  t.end()
})

void t.test('sysctl.d and its neighbours', (t) => {
  const files = new Map(sysctlFiles(DESCRIPTION, TARGET).map(({ path, content }) => [path, content]))
  t.match(files.get('/etc/sysctl.d/90-mptk.conf'), /^-net\.ipv4\.tcp_rmem = 4096 131072 33554432$/m)
  t.notMatch(files.get('/etc/sysctl.d/90-mptk.conf'), 'num_subflows')
  t.match(files.get('/etc/modprobe.d/mptk.conf'), /^options mptcp_fullmesh num_subflows=2$/m)
  t.match(files.get('/etc/modules-load.d/mptk.conf'), /^mptcp_fullmesh$/m)
  t.strictSame(
    sysctlFiles({ resources: [], notes: [], warnings: [] }, TARGET),
    [],
    'nothing where nothing is set',
  )
  t.end()
})

void t.test('OpenWrt: words stay words, and the configuration is for root alone', (t) => {
  const files = openwrtFiles(DESCRIPTION, TARGET)
  t.equal(files.find(({ path }) => path === TARGET.configFile)?.mode, '0600')
  t.equal(files.find(({ path }) => path === '/etc/modules.d/90-mptk')?.content, 'mptcp_fullmesh\n')
  const init = files.find(({ path }) => path === '/etc/init.d/mptk')?.content ?? ''
  t.match(init, 'USE_PROCD=1')
  t.match(init, `'it'\\''s $HOME 5%\\'`)
  const uci = files.find(({ path }) => path === '/etc/uci-defaults/90-mptk')?.content ?? ''
  t.match(uci, "set network.mptk_6_5300.mark='0x1/0x1'")
  t.notMatch(uci, '5200', 'what follows an uplink is the hotplug script')
  const hotplug = files.find(({ path }) => path === '/etc/hotplug.d/iface/90-mptk')?.content ?? ''
  const barriers = hotplug.split('\n').filter((line) => line.includes('5218'))
  t.strictSame(
    barriers,
    ['ip -4 rule add priority 5218 from all fwmark 0x0/0x400000 iif lan0 ipproto tcp unreachable'],
    'a barrier is never taken away',
  )
  t.end()
})
