/** Interfaces of this network namespace that could carry a subflow. */
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { familyOf } from '../address.js'

export interface UplinkAddress {
  device: string
  address: string
}

/** One address for each interface that is up, the IPv4 one where there is one; bridges and loopback are no uplinks. */
export function uplinkAddresses(): UplinkAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, all = []]) => {
    const usable = all.filter((each) => !each.internal && !each.address.startsWith('fe80:'))
    const chosen = usable.find((each) => familyOf(each.address) === 4) ?? usable[0]
    if (chosen === undefined || existsSync(`/sys/class/net/${device}/bridge`)) return []
    return { device, address: chosen.address }
  })
}
