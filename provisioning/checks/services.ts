/** The services against the host they shall run on: their addresses and files. */
import { isAbsolute } from 'node:path'
import { familyOf, isLoopback, plainAddress } from '../../src/address.js'
import { filesOf } from '../../src/config/named-files.js'
import type { HostFacts } from '../facts.js'
import type { Problem } from '../problem.js'
import type { HostedConfig } from '../setups/part.js'

export function serviceProblems({ services }: HostedConfig, facts: HostFacts): Problem[] {
  return services.flatMap((service, index) => [
    ...filesOf(service)
      .filter(({ file }) => !isAbsolute(file))
      .map(({ key, file }) => ({
        path: `services[${index}].${key}`,
        text: `expected an absolute path, since the service does not start in this folder, found ${JSON.stringify(file)}`,
      })),
    ...service.listen
      .filter(({ address }) => familyOf(address) === 6 && !facts.ipv6)
      .map(({ address }) => ({
        path: `services[${index}].listen`,
        text: `expected an IPv4 address, as 0.0.0.0, on a host without IPv6, found ${address}`,
      })),
    ...service.listen
      .filter(({ address }) => (familyOf(address) === 4 || facts.ipv6) && !isHere(address, facts))
      .map(({ address }) => ({
        path: `services[${index}].listen`,
        text: `expected an address of this host, found ${address}, which no interface has`,
      })),
  ])
}

/** Addresses of interfaces that are down are forgotten by some kernels and kept by others: only what was read counts. */
function isHere(address: string, { interfaces }: HostFacts): boolean {
  const plain = plainAddress(address)
  if (plain === '0.0.0.0' || plain === '::' || isLoopback(plain)) return true
  // link-local ones are not among the facts
  if (plain.startsWith('fe80:')) return true
  return interfaces.some(({ addresses }) => addresses.some((each) => plainAddress(each.address) === plain))
}
