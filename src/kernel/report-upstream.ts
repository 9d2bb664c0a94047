/** `mptk doctor` on upstream kernels. */
import { release } from 'node:os'
import { errnoName, MptkError } from '../errors.js'
import { lookAtKernel } from './automatic-congestion.js'
import { mayConfigureNetwork } from './capability.js'
import { congestionControls } from './congestion.js'
import { mptcpCounters } from './counters.js'
import { upstreamFindings } from './findings-upstream.js'
import { bufferFindings, congestionFinding, finding, TCP_SYSCTLS } from './findings.js'
import type { Kernel, KernelReport } from './kernel.js'
import { readSysctls, readSysctlWords } from './sysctl.js'
import { uplinkAddresses } from './uplinks.js'

const MPTCP_SYSCTLS = [
  'enabled',
  'add_addr_timeout',
  'checksum_enabled',
  'allow_join_initial_addr_port',
  'stale_loss_cnt',
  'close_timeout',
  'blackhole_timeout',
  'syn_retrans_before_tcp_fallback',
  'scheduler',
  'available_schedulers',
  'path_manager',
  'available_path_managers',
  'pm_type',
].map((name) => `net.mptcp.${name}`)

export function upstreamReport(kernel: Kernel, named?: readonly string[]): KernelReport {
  const sysctls = readSysctls([...MPTCP_SYSCTLS, ...TCP_SYSCTLS])
  const reason = kernel.whyNoMptcp()
  const endpoints = permitted(() => kernel.endpoints())
  const limits = permitted(() => kernel.limits())
  const controls = congestionControls()
  const state = {
    reason,
    sysctls,
    endpoints,
    limits,
    counters: mptcpCounters(),
    uplinks: uplinkAddresses(named),
  }
  const manager = sysctls['net.mptcp.pm_type'] === '1' ? 'userspace' : 'kernel'
  return {
    flavour: kernel.flavour,
    release: release(),
    mptcp: reason === undefined,
    findings: [
      finding('kernel', 'ok', `Linux ${release()}, upstream MPTCP (version 1, RFC 8684)`),
      ...upstreamFindings(state),
      congestionFinding(controls, lookAtKernel(), mayConfigureNetwork()),
      ...bufferFindings(),
    ],
    sysctls,
    congestionControls: controls,
    schedulers: {
      available: names('net.mptcp.available_schedulers', 'default'),
      default: sysctls['net.mptcp.scheduler'] ?? 'default',
    },
    pathManagers: {
      available: names('net.mptcp.available_path_managers', 'kernel'),
      default: sysctls['net.mptcp.path_manager'] ?? manager,
    },
    endpoints: endpoints ?? [],
    ...(limits !== undefined && { limits }),
  }
}

/** What older kernels tell only root, and a sandbox without netlink nobody. */
function permitted<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const unsupported = error instanceof MptkError && error.code === 'MPTK_KERNEL_UNSUPPORTED'
    if (unsupported || errnoName(error) === 'EPERM') return undefined
    throw error
  }
}

/** Older kernels have one only and no list. */
function names(sysctl: string, only: string): string[] {
  const listed = readSysctlWords(sysctl)
  return listed.length > 0 ? listed : [only]
}
