/** A kernel without MPTCP: only the congestion control is left to choose. */
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import type { Problem } from '../problem.js'
import type { Resource } from '../resource.js'
import { congestionProblems, congestionResources } from './congestion.js'

export function tcpOnlyResources(host: HostConfig, facts: HostFacts): Resource[] {
  return congestionResources(host, facts)
}

export const TCP_ONLY_WARNING =
  'this kernel has no MPTCP: services fall back to TCP over one path; Linux 5.6 and later can have it (CONFIG_MPTCP)'

/** What is there by default may be missing, what was asked for by name may not. */
export function tcpOnlyProblems(host: HostConfig, facts: HostFacts): Problem[] {
  const { scheduler, pathManager } = host.mptcp
  const refuse = (key: string, found: string): Problem => ({
    path: `host.mptcp.${key}`,
    text: `expected a kernel with MPTCP for ${found}, found Linux ${facts.release} without it`,
  })
  return [
    ...(scheduler === undefined ? [] : [refuse('scheduler', scheduler)]),
    ...(pathManager === 'ndiffports' || pathManager === 'binder' ? [refuse('pathManager', pathManager)] : []),
    ...congestionProblems(host, facts),
  ]
}
