/** `mptk doctor` on kernels without MPTCP. */
import { release } from 'node:os'
import { congestionControls } from './congestion.js'
import { bufferFindings, finding, TCP_SYSCTLS } from './findings.js'
import type { Finding, Kernel, KernelReport } from './kernel.js'
import { REASON } from './reasons.js'
import { readProc, readSysctls } from './sysctl.js'

/** The first release with upstream MPTCP. */
const FIRST = [5, 6] as const

export function tcpOnlyReport(kernel: Kernel): KernelReport {
  const controls = congestionControls()
  return {
    flavour: kernel.flavour,
    release: release(),
    mptcp: false,
    findings: [
      finding('kernel', 'info', `Linux ${release()}, without MPTCP`),
      mptcpFinding(release()),
      finding('congestion control', 'ok', controls.default),
      ...bufferFindings(),
    ],
    sysctls: readSysctls(TCP_SYSCTLS),
    congestionControls: controls,
    schedulers: { available: [], default: '' },
    pathManagers: { available: [], default: '' },
    endpoints: [],
  }
}

function mptcpFinding(version: string): Finding {
  if (isBefore(version, FIRST)) {
    const words = `Linux ${version} is older than ${FIRST.join('.')}, the first with MPTCP`
    return finding('mptcp', 'problem', words, INSTALL)
  }
  const config = readProc(`/boot/config-${version}`)
  const known = config?.includes('# CONFIG_MPTCP is not set') === true
  const words = known ? `${REASON.notBuilt} (CONFIG_MPTCP is not set)` : REASON.notBuilt
  return finding('mptcp', 'problem', words, INSTALL)
}

/** Debian's kernels have MPTCP built in. */
const INSTALL = 'apt-get install linux-image-$(dpkg --print-architecture) && reboot'

/** True when a release string such as `5.4.0-42-generic` comes before major.minor. */
export function isBefore(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(/[.-]/).map(Number)
  return a < major || (a === major && b < minor)
}
