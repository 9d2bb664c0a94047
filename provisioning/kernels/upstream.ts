/** Upstream MPTCP: the in-kernel path manager with endpoints and limits, or a program's. */
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import { listed, type Problem } from '../problem.js'
import type { Resource, SysctlResource } from '../resource.js'
import { congestionProblems, congestionResources } from './congestion.js'
import { OUT_OF_TREE_SCHEDULERS } from './out-of-tree.js'

const ENABLED = 'net.mptcp.enabled'
const SCHEDULER = 'net.mptcp.scheduler'
/** Since Linux 6.15; older ones have the number. */
const PATH_MANAGER = 'net.mptcp.path_manager'
const PATH_MANAGER_TYPE = 'net.mptcp.pm_type'
const STALE_LOSS = 'net.mptcp.stale_loss_cnt'
const BLACKHOLE = 'net.mptcp.blackhole_timeout'

export const UPSTREAM_SYSCTLS = [ENABLED, SCHEDULER, PATH_MANAGER, PATH_MANAGER_TYPE, STALE_LOSS, BLACKHOLE]

export function upstreamResources(host: HostConfig, facts: HostFacts): Resource[] {
  return [
    { kind: 'sysctl', name: ENABLED, value: '1', why: 'sockets may speak MPTCP' },
    ...pathManager(host, facts),
    ...scheduler(host, facts),
    ...congestionResources(host, facts),
    limits(host),
    ...tuning(host).filter(({ name }) => facts.sysctls.has(name)),
  ]
}

/** `ndiffports` is not in this kernel: `mptk run` opens those subflows through the userspace path manager. */
function pathManager({ mptcp }: HostConfig, { sysctls }: HostFacts): SysctlResource[] {
  const userspace = mptcp.pathManager === 'ndiffports'
  const why = userspace
    ? 'mptk run opens the further subflows over the same path'
    : 'the kernel opens subflows by endpoints and limits'
  if (sysctls.has(PATH_MANAGER)) {
    return [{ kind: 'sysctl', name: PATH_MANAGER, value: userspace ? 'userspace' : 'kernel', why }]
  }
  // before Linux 5.19 there is the kernel's alone
  if (!sysctls.has(PATH_MANAGER_TYPE)) return []
  return [{ kind: 'sysctl', name: PATH_MANAGER_TYPE, value: userspace ? '1' : '0', why }]
}

function scheduler({ mptcp }: HostConfig, { sysctls }: HostFacts): Resource[] {
  // before Linux 6.6 there is the default alone, and no name for it
  if (mptcp.scheduler === undefined || !sysctls.has(SCHEDULER)) return []
  return [
    { kind: 'sysctl', name: SCHEDULER, value: mptcp.scheduler, why: 'chooses the subflow of each segment' },
  ]
}

function limits({ mptcp }: HostConfig): Resource {
  const { subflows, addAddrAccepted } = mptcp.limits
  return {
    kind: 'limits',
    subflows,
    addAddrAccepted,
    why: 'further subflows per connection, and announced addresses of a peer that are taken up',
  }
}

/** Only what these uplinks need; everything else stays the kernel's. */
function tuning({ setup, uplinks }: HostConfig): SysctlResource[] {
  const roles = Object.values(uplinks).map(({ role }) => role)
  const wanted: SysctlResource[] = []
  if (roles.some((role) => role === 'backup' || role === 'metered')) {
    wanted.push({
      kind: 'sysctl',
      name: STALE_LOSS,
      value: '1',
      why: 'backup paths take over after one lost round, not four: 0.3 s instead of 1 s',
    })
  }
  if (setup === 'client' || setup === 'router') {
    wanted.push({
      kind: 'sysctl',
      name: BLACKHOLE,
      value: '60',
      why: 'an uplink that loses SYNs turns MPTCP off for a minute, doubled while it lasts, not for an hour',
    })
  }
  return wanted
}

export function upstreamProblems(host: HostConfig, facts: HostFacts): Problem[] {
  return [
    ...pathManagerProblems(host, facts),
    ...schedulerProblems(host, facts),
    ...congestionProblems(host, facts),
  ]
}

function pathManagerProblems({ mptcp }: HostConfig, { pathManagers }: HostFacts): Problem[] {
  const path = 'host.mptcp.pathManager'
  if (mptcp.pathManager === 'binder') {
    return [
      {
        path,
        text: 'expected default, fullmesh or ndiffports on this kernel, found binder: it needs the loose source routing of out-of-tree kernels, which upstream does not have',
      },
    ]
  }
  if (mptcp.pathManager === 'ndiffports' && !pathManagers.available.includes('userspace')) {
    return [
      {
        path,
        text: `expected default or fullmesh on this kernel, found ndiffports: it needs the userspace path manager, and this kernel has ${listed(pathManagers.available)}`,
      },
    ]
  }
  return []
}

function schedulerProblems({ mptcp }: HostConfig, { schedulers }: HostFacts): Problem[] {
  const { scheduler: wanted } = mptcp
  if (wanted === undefined || schedulers.available.includes(wanted)) return []
  const reason = OUT_OF_TREE_SCHEDULERS.includes(wanted) ? '; that one is in out-of-tree kernels only' : ''
  return [
    {
      path: 'host.mptcp.scheduler',
      text: `expected a scheduler of this kernel (${listed(schedulers.available)}), found ${wanted}${reason}`,
    },
  ]
}
