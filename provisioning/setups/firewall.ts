/** Firewalls of others are left alone; what they may hide is said, with the command that opens it. */
import { isLoopback } from '../../src/address.js'
import type { Config } from '../../src/config/schema.js'
import type { ClosedFirewall, HostFacts } from '../facts.js'

/** One warning for each port of a listener off loopback that a firewall does not let in. */
export function firewallWarnings({ services }: Config, facts: HostFacts): string[] {
  const ports = new Set(
    services.flatMap(({ listen }) =>
      listen.filter(({ address }) => !isLoopback(address)).map(({ port }) => port),
    ),
  )
  return [...ports].flatMap((port) =>
    facts.closedFirewalls
      .filter((firewall) => !accepts(firewall, port))
      .map(
        ({ chain }) =>
          `port ${port} may be out of reach: the firewall ${chain} drops what it is not told of: ${opening(chain, port, facts)}`,
      ),
  )
}

function accepts({ accepts: ranges }: ClosedFirewall, port: number): boolean {
  return ranges.some(([first, last]) => port >= first && port <= last)
}

/** By the program that the firewall is of, so that the opening lasts. */
function opening(chain: string, port: number, { owners }: HostFacts): string {
  const has = (name: string): boolean => owners.some((owner) => owner.name.startsWith(name))
  if (has('firewalld') && chain.startsWith('inet firewalld')) {
    return `firewall-cmd --permanent --add-port=${port}/tcp && firewall-cmd --reload`
  }
  if (has('ufw') && /^ip6? filter /.test(chain)) return `ufw allow ${port}/tcp`
  return `nft insert rule ${chain} tcp dport ${port} accept`
}
