/** An MPTCP reverse proxy in front of web servers: clients find it by DNS and then by its announced addresses. */
import { familyOf } from '../../src/address.js'
import type { HostFacts } from '../facts.js'
import { announcedEndpoints, publicAddresses } from './announced.js'
import { firewallWarnings } from './firewall.js'
import type { HostedConfig, Setup } from './part.js'

/** Seconds; short enough to move sites back within minutes. */
const TTL = 300

export function reverseSetup(config: HostedConfig, facts: HostFacts): Setup {
  return {
    resources: announcedEndpoints(config, facts),
    notes: zoneLines(config, facts),
    warnings: firewallWarnings(config, facts),
  }
}

function zoneLines(config: HostedConfig, facts: HostFacts): string[] {
  const addresses = publicAddresses(config, facts)
  return config.host.sites.flatMap((site) =>
    addresses.map(
      (address) => `zone line: ${site}. ${TTL} IN ${familyOf(address) === 6 ? 'AAAA' : 'A'} ${address}`,
    ),
  )
}
