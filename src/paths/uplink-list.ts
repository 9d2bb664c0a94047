/** Which uplinks a test is about, and the address of each. */
import { networkInterfaces } from 'node:os'
import { familyOf } from '../address.js'
import { hasRoute } from '../kernel/route-lookup.js'

export interface TestedUplink {
  device: string
  /** Absent where the interface has none of the family asked for, or is down. */
  address?: string
}

/** The named uplinks, in that order. */
export function namedUplinks(names: readonly string[], family: 4 | 6): TestedUplink[] {
  return names.map((device) => {
    const [address] = globalAddresses(device, family)
    return { device, ...(address !== undefined && { address }) }
  })
}

/** Every interface that is up, has a global address, and has a route to the far end. */
export function uplinksTowards(to: string): TestedUplink[] {
  const family = familyOf(to) === 6 ? 6 : 4
  return Object.keys(networkInterfaces()).flatMap((device) => {
    const address = globalAddresses(device, family).find((each) => hasRoute(to, each, device))
    return address === undefined ? [] : [{ device, address }]
  })
}

function globalAddresses(device: string, family: 4 | 6): string[] {
  const all = networkInterfaces()[device] ?? []
  return all
    .filter(({ internal, address }) => !internal && familyOf(address) === family && !/^fe80:/i.test(address))
    .map(({ address }) => address)
}
