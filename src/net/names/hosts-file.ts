/** /etc/hosts (hosts(5)): an address and the names it has, one address a line. */
import { familyOf } from '../../address.js'

export interface HostAddresses {
  ipv4: string[]
  ipv6: string[]
}

/** By name in lower case. A name on several lines has all their addresses, as with glibc's `multi on`. */
export type Hosts = ReadonlyMap<string, HostAddresses>

export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, HostAddresses>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    const family = familyOf(address)
    if (family === 0) continue
    for (const name of names) add(hosts, name.toLowerCase(), family === 4 ? 'ipv4' : 'ipv6', address)
  }
  return hosts
}

function add(
  hosts: Map<string, HostAddresses>,
  name: string,
  family: keyof HostAddresses,
  address: string,
): void {
  const known = hosts.get(name) ?? { ipv4: [], ipv6: [] }
  if (!known[family].includes(address)) known[family].push(address)
  hosts.set(name, known)
}
