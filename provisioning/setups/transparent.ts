/** The service that a router's firewall brings the LAN's TCP to, as the firewall needs to know it. */
import { familyOf, isLoopback, type SocketAddress } from '../../src/address.js'
import type { TransparentConfig } from '../../src/config/transparent.js'
import type { HostedConfig } from './part.js'

export interface Transparent {
  /** In `services`. */
  index: number
  config: TransparentConfig
}

/** The first one with an upstream. */
export function transparentService({ services }: HostedConfig): Transparent | undefined {
  const index = services.findIndex((each) => each.type === 'transparent' && each.upstream !== undefined)
  const config = services[index]
  return config?.type === 'transparent' ? { index, config } : undefined
}

/** By family; `[::]` takes both. */
export function portsOf({ listen }: TransparentConfig): { 4?: number; 6?: number } {
  const usable = listen.filter(({ address }) => !isLoopback(address))
  const ipv6 = usable.find(({ address }) => familyOf(address) === 6)?.port
  const ipv4 =
    usable.find(({ address }) => familyOf(address) === 4)?.port ??
    usable.find(({ address }) => address === '::')?.port
  return { ...(ipv4 !== undefined && { 4: ipv4 }), ...(ipv6 !== undefined && { 6: ipv6 }) }
}

/** Next proxies of all services that are given by address. */
export function literalUpstreams({ services }: HostedConfig): SocketAddress[] {
  const found = services.flatMap((service) => {
    const upstream = 'upstream' in service ? service.upstream : undefined
    if (upstream === undefined || familyOf(upstream.address.host) === 0) return []
    return [{ address: upstream.address.host, port: upstream.address.port }]
  })
  return found.filter(
    ({ address, port }, index) =>
      found.findIndex((each) => each.address === address && each.port === port) === index,
  )
}
