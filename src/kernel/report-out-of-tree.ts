/** `mptk doctor` on the out-of-tree kernel. */
import { release } from 'node:os'
import { lookAtKernel } from './automatic-congestion.js'
import { mayConfigureNetwork } from './capability.js'
import { congestionControls } from './congestion.js'
import { parseSnmp } from './counters.js'
import { bufferFindings, congestionFinding, finding, TCP_SYSCTLS } from './findings.js'
import type { Finding, Kernel, KernelReport } from './kernel.js'
import { availableNames } from './out-of-tree-options.js'
import { readProc, readSysctls } from './sysctl.js'
import { uplinkAddresses, type UplinkAddress } from './uplinks.js'

const MPTCP_SYSCTLS = [
  'mptcp_enabled',
  'mptcp_version',
  'mptcp_checksum',
  'mptcp_debug',
  'mptcp_syn_retries',
  'mptcp_path_manager',
  'mptcp_scheduler',
  'mptcp_binder_gateways',
].map((name) => `net.mptcp.${name}`)

type Sysctls = Record<string, string>

export function outOfTreeReport(kernel: Kernel, named?: readonly string[]): KernelReport {
  const sysctls = readSysctls([...MPTCP_SYSCTLS, ...TCP_SYSCTLS])
  const reason = kernel.whyNoMptcp()
  const controls = congestionControls()
  const schedulers = availableNames('scheduler')
  const pathManagers = availableNames('pathManager')
  return {
    flavour: kernel.flavour,
    release: release(),
    mptcp: reason === undefined,
    findings: [
      finding('kernel', 'ok', `Linux ${release()}, out-of-tree MPTCP of multipath-tcp.org`),
      mptcpFinding(reason, sysctls),
      ...(reason === undefined
        ? namesFindings(sysctls, schedulers, pathManagers, uplinkAddresses(named))
        : []),
      ...versionFindings(sysctls),
      ...fallbackFindings(),
      congestionFinding(controls, lookAtKernel(), mayConfigureNetwork()),
      ...bufferFindings(),
    ],
    sysctls,
    congestionControls: controls,
    schedulers: { available: schedulers, default: sysctls['net.mptcp.mptcp_scheduler'] ?? '' },
    pathManagers: { available: pathManagers, default: sysctls['net.mptcp.mptcp_path_manager'] ?? '' },
    endpoints: [],
  }
}

function mptcpFinding(reason: string | undefined, sysctls: Sysctls): Finding {
  if (reason !== undefined) return finding('mptcp', 'problem', reason, 'sysctl -w net.mptcp.mptcp_enabled=1')
  const enabled = sysctls['net.mptcp.mptcp_enabled']
  if (enabled === undefined) {
    return finding(
      'mptcp',
      'ok',
      'sockets can speak MPTCP; its sysctls are in the initial network namespace only',
    )
  }
  const whose = enabled === '1' ? 'every TCP socket does unless told not to' : 'those told to do'
  return finding(
    'mptcp',
    'ok',
    `sockets can speak MPTCP; ${whose} (mptcp_enabled ${enabled}); never on loopback`,
  )
}

function namesFindings(
  sysctls: Sysctls,
  schedulers: string[],
  pathManagers: string[],
  uplinks: readonly UplinkAddress[],
): Finding[] {
  const scheduler = sysctls['net.mptcp.mptcp_scheduler'] ?? 'not visible here'
  const manager = sysctls['net.mptcp.mptcp_path_manager']
  const found = [finding('scheduler', 'ok', `${scheduler}; available ${schedulers.join(', ')}`)]
  const value = `${manager ?? 'not visible here'}; available ${pathManagers.join(', ')}`
  if (manager === 'default' && uplinks.length > 1) {
    const words = `${value}: opens no further subflows, connections use one of ${uplinks.length} uplinks`
    const set = 'sysctl -w net.mptcp.mptcp_path_manager=fullmesh'
    const mend = pathManagers.includes('fullmesh') ? set : `modprobe mptcp_fullmesh && ${set}`
    found.push(finding('path manager', 'warning', words, mend))
  } else {
    found.push(finding('path manager', 'ok', value))
  }
  return found
}

function versionFindings(sysctls: Sysctls): Finding[] {
  const found: Finding[] = []
  const version = sysctls['net.mptcp.mptcp_version']
  if (version === '0') {
    // v0.96 is the first that can speak the newer version
    const words = '0 (RFC 6824): peers with upstream kernels speak version 1 only and get TCP'
    found.push(finding('net.mptcp.mptcp_version', 'info', words, 'sysctl -w net.mptcp.mptcp_version=1'))
  }
  if (sysctls['net.mptcp.mptcp_checksum'] === '1') {
    const words = '1: costs processor time; both ends decide it'
    found.push(finding('net.mptcp.mptcp_checksum', 'info', words, 'sysctl -w net.mptcp.mptcp_checksum=0'))
  }
  const debug = sysctls['net.mptcp.mptcp_debug'] ?? '0'
  if (debug !== '0') {
    const words = `${debug}: the kernel log grows with every connection`
    found.push(finding('net.mptcp.mptcp_debug', 'warning', words, 'sysctl -w net.mptcp.mptcp_debug=0'))
  }
  return found
}

function fallbackFindings(): Finding[] {
  const counters = parseSnmp(readProc('/proc/net/mptcp_net/snmp') ?? '')
  const asked = counters.get('MPCapableSYNTX') ?? 0
  const refused = counters.get('MPCapableFallbackSYNACK') ?? 0
  if (asked === 0 || refused === 0) return []
  return [
    finding('fallbacks', 'info', `${refused} of ${asked} outgoing connections were answered without MPTCP`),
  ]
}
