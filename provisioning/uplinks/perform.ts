/** Takes the keeper's steps in the kernel, each of them a netlink request or two: no process is started. */
import { errnoName } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { mptcpSources } from '../../src/kernel/sock-diag.js'
import { addRule, listRoutes, listRules, putRoute, removeRoute, removeRule } from '../../src/paths/routing.js'
import type { Kept } from '../keep/mending.js'
import type { Network, Step } from './steps.js'

/** @throws {SystemError} @throws {MptkError} MPTK_NETLINK */
export function readNetwork(kernel: Kernel): Network {
  return {
    endpoints: kernel.endpoints(),
    rules: listRules(),
    routes: listRoutes(),
    sources: mptcpSources(),
  }
}

/** @throws {SystemError} @throws {MptkError} */
export function perform(kernel: Kernel, step: Step): void {
  switch (step.do) {
    case 'remove endpoint': {
      // this closes first subflows too (Linux 6.18); removing id 0 as well would end connections that
      // fell back to TCP, which an uplink that soon returns need not
      kernel.removeEndpoint(step.endpoint)
      return
    }
    case 'add endpoint': {
      kernel.addEndpoint(step.endpoint)
      return
    }
    case 'change endpoint': {
      kernel.setEndpointFlags(step.endpoint)
      return
    }
    case 'remove rule': {
      unlessGone(() => removeRule(step.rule))
      return
    }
    case 'add rule': {
      addRule(step.rule)
      return
    }
    case 'remove route': {
      unlessGone(() => removeRoute(step.route))
      return
    }
    case 'put route': {
      putRoute(step.route)
      return
    }
  }
}

/** Routes go with their interface. */
function unlessGone(remove: () => void): void {
  try {
    remove()
  } catch (error) {
    if (!['ESRCH', 'ENOENT', 'ENODEV'].includes(errnoName(error) ?? '')) throw error
  }
}

/** The resource that a step is about. */
export function keptOf(step: Step): Kept {
  if ('endpoint' in step) return { kind: 'endpoint', id: `mptcp endpoint ${step.endpoint.id}` }
  if ('rule' in step) {
    const { priority, family, action } = step.rule
    return { kind: 'rule', id: `rule ${priority} ipv${family}`, urgent: action === 'unreachable' }
  }
  return { kind: 'route-table', id: `route table ${step.route.table} ipv${step.route.family}` }
}

/** One line of a log. */
export function describeStep(step: Step): string {
  if ('endpoint' in step) return `${step.do} ${step.endpoint.id} ${step.endpoint.address}`
  if ('rule' in step) return `${step.do} ${step.rule.priority} IPv${step.rule.family}`
  const { to, table, via } = step.route
  return `${step.do} ${to}${via === undefined ? '' : ` via ${via}`} table ${table}`
}
