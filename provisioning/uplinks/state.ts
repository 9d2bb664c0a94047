/** What an uplink is at, in words for logs and status: pure. */
import type { UplinkConfig } from '../../src/config/host.js'
import type { InterfaceFacts } from '../facts.js'
import { exitsOf } from './resources.js'

/** `settling`: it came and went too often, and must stay for a while first. */
export type UplinkState =
  | 'up'
  | 'settling'
  | 'off'
  | 'no interface'
  | 'down'
  | 'no carrier'
  | 'no address'
  | 'no gateway'
  /** All it has is an address that an uplink before it has too: the kernel could not tell the two apart. */
  | `same address as ${string}`

/** That one is no longer up is worth a warning. */
export const uplinkLevel = (state: UplinkState): 'info' | 'warn' =>
  state === 'up' || state === 'off' || state === 'settling' ? 'info' : 'warn'

export function uplinkState(
  config: UplinkConfig,
  facts: Pick<InterfaceFacts, 'addresses' | 'gateways' | 'up' | 'carrier'> | undefined,
): UplinkState {
  if (config.role === 'off') return 'off'
  if (facts === undefined) return 'no interface'
  if (!facts.up) return 'down'
  if (!facts.carrier) return 'no carrier'
  if (facts.addresses.length === 0) return 'no address'
  return exitsOf(config, facts).length === 0 ? 'no gateway' : 'up'
}
