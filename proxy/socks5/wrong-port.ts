/** What a program is told that takes this SOCKS5 port for an HTTP proxy. */
import { familyOf, formatAddress, plainAddress, type SocketAddress } from '../../src/address.js'
import type { Connection } from '../../src/net/connection.js'
import type { Runtime } from '../runtime.js'

/** @param client as far as it can tell, it has reached one address of this host, and asks there again */
export function wrongPort(
  client: Pick<Connection, 'local'>,
  { listening }: Pick<Runtime, 'listening'>,
): string {
  const { local } = client
  const here = plainAddress(local.address)
  const proxies = listening
    .filter(({ type, address }) => type === 'connect' && reaches(address, here))
    .map(({ address }) => formatAddress({ address: here, port: address.port }))
  const [proxy] = proxies
  return (
    `This is a SOCKS5 proxy (socks5h://${formatAddress({ ...local, address: here })}), not an HTTP proxy. ` +
    (proxy === undefined
      ? 'An HTTP proxy is a service of type connect, which is not set up here.'
      : `The HTTP proxy is http://${proxy}.`)
  )
}

/** Whether a listener takes what comes for this address. */
function reaches({ address }: SocketAddress, here: string): boolean {
  if (address === '0.0.0.0') return familyOf(here) === 4
  return address === '::' || plainAddress(address) === here
}
