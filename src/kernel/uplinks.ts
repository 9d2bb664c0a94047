/** Interfaces of this network namespace that could carry a subflow. */
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { familyOf } from '../address.js'
import { readProc } from './sysctl.js'

export interface UplinkAddress {
  device: string
  address: string
}

/**
 * One address for each uplink that is up, the IPv4 one where there is one.
 * @param named the uplinks; unless given, the interfaces that have a default route, and where none has,
 *   all: nothing then tells a LAN from an uplink. Bridges and loopback are none.
 */
export function uplinkAddresses(named?: readonly string[]): UplinkAddress[] {
  const all = addresses()
  if (named !== undefined) return all.filter(({ device }) => named.includes(device))
  const routed = defaultRouteDevices(readProc('/proc/net/route'), readProc('/proc/net/ipv6_route'))
  const uplinks = all.filter(({ device }) => routed.has(device))
  return uplinks.length > 0 ? uplinks : all
}

function addresses(): UplinkAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, all = []]) => {
    const usable = all.filter((each) => !each.internal && !each.address.startsWith('fe80:'))
    const chosen = usable.find((each) => familyOf(each.address) === 4) ?? usable[0]
    if (chosen === undefined || existsSync(`/sys/class/net/${device}/bridge`)) return []
    return { device, address: chosen.address }
  })
}

/** include/uapi/linux/route.h */
const RTF_UP = 0x1
const RTF_REJECT = 0x200

/** From the kernel's own lists of routes: pure. */
export function defaultRouteDevices(ipv4 = '', ipv6 = ''): Set<string> {
  const carries = (flags = '0'): boolean => (parseInt(flags, 16) & (RTF_UP | RTF_REJECT)) === RTF_UP
  const rows = (text: string): string[][] => text.split('\n').map((line) => line.trim().split(/\s+/))
  const four = rows(ipv4).filter(
    ([, to, , flags, , , , mask]) => to === '00000000' && mask === '00000000' && carries(flags),
  )
  const six = rows(ipv6).filter(
    ([to = '', length, , , , , , , flags]) => /^0{32}$/.test(to) && length === '00' && carries(flags),
  )
  return new Set([...four.map(([device = '']) => device), ...six.map((row) => row[9] ?? '')])
}
