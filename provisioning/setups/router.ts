/** A LAN behind a router with several uplinks: its TCP goes into the transparent service, all else out of the best uplink. */
import { lanMainRules } from '../uplinks/resources.js'
import type { HostedConfig, Setup } from './part.js'

export function routerSetup({ host }: HostedConfig): Setup {
  return { resources: lanMainRules(host), notes: [], warnings: [] }
}
