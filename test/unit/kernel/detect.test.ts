import t from 'tap'
import { decideFlavour, type Probes } from '../../../src/kernel/detect.js'

interface System {
  sysctls?: string[]
  files?: string[]
  socket?: number | string
  families?: string[]
}

function probes({ sysctls = [], files = [], socket = 'EPROTONOSUPPORT', families = [] }: System): Probes {
  return {
    hasSysctl: (name) => sysctls.includes(name),
    hasFile: (path) => files.includes(path),
    mptcpSocket: () => socket,
    hasFamily: (name) => families.includes(name),
  }
}

const CASES: [what: string, system: System, flavour: string][] = [
  ['out-of-tree sysctl', { sysctls: ['net.mptcp.mptcp_enabled'] }, 'out-of-tree'],
  [
    'out-of-tree v0.96 with protocol 262 as TCP',
    { sysctls: ['net.mptcp.mptcp_enabled'], socket: 6 },
    'out-of-tree',
  ],
  ['upstream sysctl', { sysctls: ['net.mptcp.enabled'], socket: 262 }, 'upstream'],
  ['upstream, switched off', { sysctls: ['net.mptcp.enabled'], socket: 'ENOPROTOOPT' }, 'upstream'],
  ['upstream, denied by a policy', { sysctls: ['net.mptcp.enabled'], socket: 'EACCES' }, 'upstream'],
  ['out-of-tree in a container', { files: ['/proc/net/mptcp_net/snmp'] }, 'out-of-tree'],
  [
    'out-of-tree in a container, one file',
    { files: ['/proc/net/mptcp_net/mptcp'], socket: 6 },
    'out-of-tree',
  ],
  ['upstream without its sysctls', { socket: 262 }, 'upstream'],
  ['upstream without its sysctls, off', { socket: 'ENOPROTOOPT' }, 'upstream'],
  ['v0.96 without /proc', { socket: 6 }, 'out-of-tree'],
  ['upstream by its netlink family only', { socket: 'EPERM', families: ['mptcp_pm'] }, 'upstream'],
  ['out-of-tree by its netlink family only', { families: ['mptcp'] }, 'out-of-tree'],
  ['Linux 5.4', { socket: 'EINVAL' }, 'tcp-only'],
  ['built without', {}, 'tcp-only'],
]

for (const [what, system, flavour] of CASES) {
  void t.test(what, (t) => {
    t.equal(decideFlavour(probes(system)), flavour)
    t.end()
  })
}
