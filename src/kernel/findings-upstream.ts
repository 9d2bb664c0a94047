/** Findings about upstream MPTCP: pure, from what was read of the system. */
import { finding } from './findings.js'
import type { Endpoint, Finding, Limits } from './kernel.js'
import type { UplinkAddress } from './uplinks.js'

export interface UpstreamState {
  /** Why no MPTCP socket can be opened; undefined when it can. */
  reason: string | undefined
  sysctls: Record<string, string>
  /** MPTcpExt counters. */
  counters: ReadonlyMap<string, number>
  /** Undefined when they may not be listed. */
  endpoints: Endpoint[] | undefined
  limits: Limits | undefined
  uplinks: UplinkAddress[]
}

export function upstreamFindings(state: UpstreamState): Finding[] {
  const found = [mptcpFinding(state)]
  if (state.reason !== undefined) return found
  found.push(pathManagerFinding(state))
  found.push(finding('scheduler', 'ok', state.sysctls['net.mptcp.scheduler'] ?? 'default'))
  found.push(endpointsFinding(state))
  if (state.limits !== undefined) found.push(limitsFinding(state.limits, state))
  return [...found, ...joinFindings(state), ...failoverFindings(state), ...fallbackFindings(state)]
}

function mptcpFinding({ reason, sysctls }: UpstreamState): Finding {
  if (reason === undefined) return finding('mptcp', 'ok', 'MPTCP sockets can be opened')
  const off = sysctls['net.mptcp.enabled'] === '0'
  return finding('mptcp', 'problem', reason, off ? 'sysctl -w net.mptcp.enabled=1' : undefined)
}

function pathManagerFinding({ sysctls }: UpstreamState): Finding {
  const byName = sysctls['net.mptcp.path_manager']
  const name = byName ?? (sysctls['net.mptcp.pm_type'] === '1' ? 'userspace' : 'kernel')
  if (name === 'kernel') return finding('path manager', 'ok', 'kernel')
  return finding(
    'path manager',
    'warning',
    `${name}: endpoints and limits are ignored, a program has to open subflows, as mptk run with pathManager: ndiffports does`,
    byName === undefined ? 'sysctl -w net.mptcp.pm_type=0' : 'sysctl -w net.mptcp.path_manager=kernel',
  )
}

function endpointsFinding({ endpoints, uplinks }: UpstreamState): Finding {
  if (endpoints === undefined) {
    return finding(
      'endpoints',
      'info',
      'cannot be listed by this process; root (CAP_NET_ADMIN) may',
      'sudo mptk doctor',
    )
  }
  if (endpoints.length > 0) {
    return finding('endpoints', 'ok', endpoints.map(describeEndpoint).join('; '))
  }
  if (uplinks.length < 2) {
    return finding('endpoints', 'info', `none; ${uplinks.length} uplink, so there is no second path`)
  }
  return finding(
    'endpoints',
    'warning',
    `none, so connections use one of ${uplinks.length} uplinks: ${uplinks.map(({ device, address }) => `${device} ${address}`).join(', ')}; mptk apply sets one for each, or by hand:`,
    [
      limitsCommand(uplinks.length),
      ...uplinks.map(({ device, address }) => `ip mptcp endpoint add ${address} dev ${device} subflow`),
    ].join(' && '),
  )
}

function describeEndpoint({ id, address, port, flags }: Endpoint): string {
  return `${address}${port === undefined ? '' : ` port ${port}`} id ${id} ${flags.join(' ')}`.trim()
}

/** Subflows per connection that a host with so many paths wants: one word for all findings. The kernel's most is 8. */
const subflowsFor = (paths: number): number => Math.min(8, Math.max(2, paths))

const limitsCommand = (paths: number, accepted = 2): string =>
  `ip mptcp limits set subflows ${subflowsFor(paths)} add_addr_accepted ${Math.max(2, accepted)}`

/** Each subflow endpoint adds one subflow for every address of the peer; one is the connection's own already. */
function limitsFinding(limits: Limits, { endpoints = [], uplinks }: UpstreamState): Finding {
  const value = `${limits.subflows} subflows beside the first, ${limits.addAddrAccepted} announced addresses accepted`
  const ends = endpoints.filter(({ flags }) => flags.includes('subflow')).length
  // without endpoints the finding above offers one for each uplink, and the limits with them
  const mend = limitsCommand(ends === 0 ? uplinks.length : ends, limits.addAddrAccepted)
  if (limits.subflows < ends - 1)
    return finding('limits', 'warning', `${value}: too few for the endpoints`, mend)
  if (limits.subflows === 0) {
    return finding('limits', 'warning', `${value}: a connection never gets a second path`, mend)
  }
  if (limits.addAddrAccepted === 0) {
    return finding('limits', 'info', `${value}: addresses that a server announces are not used`, mend)
  }
  return finding('limits', 'ok', value)
}

function joinFindings({ sysctls }: UpstreamState): Finding[] {
  const found: Finding[] = []
  const joins = 'net.mptcp.allow_join_initial_addr_port'
  if (sysctls[joins] === '0') {
    found.push(
      finding(
        joins,
        'info',
        '0: peers join only at addresses announced by a signal endpoint',
        `sysctl -w ${joins}=1`,
      ),
    )
  }
  const checksum = 'net.mptcp.checksum_enabled'
  if (sysctls[checksum] === '1') {
    found.push(finding(checksum, 'info', '1: costs processor time on both ends', `sysctl -w ${checksum}=0`))
  }
  return found
}

/** Only said when another value stands a chance to be an oversight; the defaults are fit for use. */
function failoverFindings({ sysctls, endpoints }: UpstreamState): Finding[] {
  const stale = 'net.mptcp.stale_loss_cnt'
  const value = Number(sysctls[stale] ?? NaN)
  if (value === 0) {
    return [
      finding(stale, 'warning', '0: a dead path is never left for a backup one', `sysctl -w ${stale}=4`),
    ]
  }
  if (value > 1 && endpoints?.some(({ flags }) => flags.includes('backup')) === true) {
    return [finding(stale, 'info', `${value}: with 1, backup paths take over sooner`, `sysctl -w ${stale}=1`)]
  }
  return []
}

/** The counters are the whole namespace's since boot: hints, not facts about a connection. */
function fallbackFindings({ sysctls, counters }: UpstreamState): Finding[] {
  const found: Finding[] = []
  const timeout = 'net.mptcp.blackhole_timeout'
  const seconds = sysctls[timeout] ?? '0'
  const count = (name: string): number => counters.get(name) ?? 0
  if (seconds !== '0' && count('Blackhole') > 0) {
    found.push(
      finding(
        timeout,
        'warning',
        `SYNs with MPTCP were lost ${count('Blackhole')} times; for ${seconds} s and longer after the last, new connections may go out as TCP (${count('MPCapableSYNTXDisabled')} did)`,
        `sysctl -w ${timeout}=${seconds}`,
      ),
    )
  }
  const asked = count('MPCapableSYNTX')
  const refused = count('MPCapableFallbackSYNACK')
  if (asked > 0 && refused > 0) {
    found.push(
      finding('fallbacks', 'info', `${refused} of ${asked} outgoing connections were answered without MPTCP`),
    )
  }
  return found
}
