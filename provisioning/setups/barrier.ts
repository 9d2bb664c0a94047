/**
 * The second barrier of a router, outside nftables: what comes in from the LAN and does not carry
 * the mark that only our firewall table sets is unreachable. So the LAN stays in while the table
 * is not there yet, or is gone; while this barrier is gone, the table refuses the same.
 */
import type { HostConfig, LanConfig } from '../../src/config/host.js'
import { shellLine } from '../../src/shell-quote.js'
import type { HostFacts } from '../facts.js'
import { addRule } from '../linux/rule.js'
import type { BootResource, Resource, RuleResource, SysctlResource } from '../resource.js'
import { barrierPriority } from '../uplinks/numbers.js'
import { sysctlPart } from './forwarding.js'
import { STRAIGHT_BIT } from './router-rules.js'

export const BARRIER_UNIT = 'mptk-barrier'

/** In the order in which they come; the barrier stands before anything is forwarded. */
export function barrierResources(host: HostConfig, lan: LanConfig, facts: HostFacts): Resource[] {
  const atBoot = facts.systemd && host.manager !== 'none'
  const rules = barrierRules(host, lan).map((each) => ({ ...each, ...(atBoot && { atBoot }) }))
  return [
    ...(atBoot ? barrierBoot(rules) : []),
    ...reversePathsByMark(Object.keys(host.uplinks)).filter(({ name }) => facts.sysctls.has(name)),
    ...rules,
  ]
}

function barrierRules({ numbers }: HostConfig, { interfaces, others }: LanConfig): RuleResource[] {
  return interfaces.flatMap((device, order) =>
    ([4, 6] as const).map((family) => ({
      kind: 'rule',
      why: `nothing${others === 'direct' ? ' of TCP' : ''} goes out from ${device} that the firewall did not let pass`,
      family,
      priority: barrierPriority(numbers, order),
      mark: `0/${STRAIGHT_BIT}`,
      inputDevice: device,
      ...(others === 'direct' && { protocol: 'tcp' as const }),
      table: 0,
      action: 'unreachable',
    })),
  )
}

/** Rules need no interface, so that they can be there before the network: whatever forwards by then. */
export function barrierBoot(rules: readonly RuleResource[]): BootResource[] {
  const barriers = rules.filter(({ action }) => action !== undefined)
  if (barriers.length === 0) return []
  const script = barriers.map((each) => shellLine(addRule(each).argv)).join('; ')
  return [
    {
      kind: 'boot',
      name: BARRIER_UNIT,
      why: 'after a boot the LAN stays in until all is set again',
      argv: ['/bin/sh', '-c', script],
      early: true,
    },
  ]
}

/**
 * Where `rp_filter` is on, the kernel looks up the way back of an answer to the LAN as if the LAN
 * sent it: with the answer's mark, or with none, which the barrier refuses. Not for `all`: what
 * TPROXY marks would be martians on the LAN's interfaces.
 */
function reversePathsByMark(uplinks: readonly string[]): SysctlResource[] {
  return uplinks.map((name) => ({
    kind: 'sysctl',
    name: `net.ipv4.conf.${sysctlPart(name)}.src_valid_mark`,
    value: '1',
    why: `answers by ${name} to what was let pass are not taken for forged ones (rp_filter)`,
  }))
}
