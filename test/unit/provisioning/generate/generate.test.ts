/** What the generated files say. */
import t from 'tap'
import { parse } from 'yaml'
import { cloudInitFiles } from '../../../../provisioning/generate/cloud-init.js'
import { openwrtFiles } from '../../../../provisioning/generate/openwrt.js'
import { sysctlFiles } from '../../../../provisioning/generate/sysctl-d.js'
import { systemdFiles } from '../../../../provisioning/generate/systemd.js'
import { DESCRIPTION, TARGET } from './description.js'

void t.test('cloud-init: everything of systemd, the packages, and the commands in their order', (t) => {
  const [file] = cloudInitFiles(DESCRIPTION, TARGET)
  const text = file?.content ?? ''
  t.match(text, /^#cloud-config\n/)
  const data = parse(text) as {
    packages: string[]
    write_files: { path: string; permissions: string; content: string }[]
    runcmd: string[][]
  }
  t.strictSame(
    data.write_files.map(({ path, permissions, content }) => ({ path, mode: permissions, content })),
    systemdFiles(DESCRIPTION, TARGET),
  )
  t.ok(
    data.write_files.every(({ permissions }) => typeof permissions === 'string'),
    'no octal number is lost',
  )
  t.ok(data.packages.includes('dnsmasq-base'))
  t.strictSame(
    data.runcmd.map(([first, second]) => `${first} ${second}`),
    [
      ...['npm install', 'systemctl daemon-reload', 'systemctl enable', 'sysctl --system'],
      ...['systemctl enable', 'systemctl enable'],
    ],
  )
  t.strictSame(data.runcmd[2], ['systemctl', 'enable', '--now', 'mptk-barrier.service'], 'before forwarding')
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
