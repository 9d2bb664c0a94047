/** A description with every kind of resource, as a router's would be. */
import type { Description } from '../../../../provisioning/resource.js'
import type { Target } from '../../../../provisioning/generate/output.js'

const why = 'test'

export const TARGET: Target = {
  configFile: '/etc/mptk/mptk.yaml',
  config: 'services: []\n# secret: "it\'s"\n',
  // systemd-analyze wants a command that is there
  mptk: '/bin/true',
}

export const DESCRIPTION: Description = {
  notes: [],
  warnings: [],
  resources: [
    { kind: 'module', name: 'mptcp_fullmesh', why },
    { kind: 'sysctl', name: 'net.mptcp.enabled', value: '1', why },
    { kind: 'sysctl', name: 'net.ipv4.tcp_rmem', value: '4096 131072 33554432', why },
    { kind: 'sysctl', name: 'net.ipv4.conf.eth0/7.forwarding', value: '1', why: 'no such interface here' },
    { kind: 'sysctl', name: 'module/mptcp_fullmesh/num_subflows', value: '2', why },
    { kind: 'limits', subflows: 8, addAddrAccepted: 8, why },
    {
      kind: 'route-table',
      family: 4,
      table: 5200,
      uplink: 'up0',
      routes: [{ to: 'default', via: '10.0.1.1', device: 'up0' }],
      why,
    },
    { kind: 'rule', family: 4, priority: 5200, from: '10.0.1.2', table: 5200, uplink: 'up0', why },
    {
      kind: 'rule',
      family: 4,
      priority: 5218,
      mark: '0/0x00400000',
      inputDevice: 'lan0',
      protocol: 'tcp',
      table: 0,
      action: 'unreachable',
      why,
    },
    { kind: 'rule', family: 6, priority: 5300, mark: '0x1/0x1', table: 5300, why },
    { kind: 'endpoint', id: 200, address: '10.0.1.2', device: 'up0', flags: ['subflow', 'fullmesh'], why },
    {
      kind: 'nft-table',
      family: 'inet',
      table: 'mptk',
      body: '  chain pass {\n    type filter hook forward priority filter; policy accept;\n    tcp dport 80 counter accept\n  }',
      why,
    },
    { kind: 'file', path: '/etc/mptk/dnsmasq.conf', mode: '0644', content: 'interface=lan0\n', why },
    {
      kind: 'service',
      name: 'mptk',
      why: '100 % of the "services"',
      argv: ['/bin/true', 'run', '--config', '/etc/mptk/mptk.yaml', "it's $HOME 5%\\"],
      listens: [],
      restartOn: ['/etc/mptk/mptk.yaml'],
      capabilities: ['CAP_NET_ADMIN'],
    },
    {
      kind: 'service',
      name: 'mptk-dns',
      why,
      argv: ['/bin/true', 'without-fast-open', '--', '/usr/sbin/dnsmasq', '--keep-in-foreground'],
      listens: [],
      restartOn: [],
      capabilities: [],
    },
  ],
}
