/** Where a client was going when the firewall brought its connection here. */
import { familyOf, formatAddress, plainAddress, withoutZone, type SocketAddress } from '../../src/address.js'
import type { TransparentConfig } from '../../src/config/transparent.js'
import { errnoName, MptkError } from '../../src/errors.js'
import { destinationType } from '../../src/kernel/route-lookup.js'
import { decodeSockaddr } from '../../src/kernel/sockaddr.js'
import { native } from '../../src/native.js'
import type { Connection } from '../../src/net/connection.js'

/** @throws {MptkError} MPTK_NOT_INTERCEPTED for a connection that was meant for this listener itself */
export type OriginalDestination = (client: Connection) => SocketAddress

export function originalDestination(config: TransparentConfig): OriginalDestination {
  if (config.intercept === 'redirect') return redirected
  const ports = new Set(config.listen.map(({ port }) => port))
  return (client) => diverted(client, ports)
}

const SOL_IP = 0
const SOL_IPV6 = 41
/** linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST has the same number. */
const SO_ORIGINAL_DST = 80
const SOCKADDR_IN6_SIZE = 28

/** No entry in the connection tracking, no tracking in this namespace, and a socket that cannot be asked. */
const NOT_TRACKED = new Set(['ENOENT', 'ENOPROTOOPT', 'EOPNOTSUPP'])

/** REDIRECT rewrites the destination; connection tracking remembers it. */
function redirected(client: Connection): SocketAddress {
  const { local } = client
  // an IPv4 client of a dual-stack listener is tracked as IPv4, and its address is told as IPv4
  const level = familyOf(local.address) === 4 ? SOL_IP : SOL_IPV6
  let raw: Buffer
  try {
    raw = native.getOption(client.fd, level, SO_ORIGINAL_DST, SOCKADDR_IN6_SIZE)
  } catch (cause) {
    if (NOT_TRACKED.has(errnoName(cause) ?? '')) throw notIntercepted(local, cause)
    throw cause
  }
  const found = decodeSockaddr(raw)
  const original = found && { address: plainAddress(found.address), port: found.port }
  // of a connection made to the listener itself the tracking remembers just that
  if (original === undefined || isSame(original, local)) throw notIntercepted(local)
  return original
}

/** TPROXY rewrites nothing: the socket's own address is where the client wanted to go. */
function diverted(client: Connection, listening: ReadonlySet<number>): SocketAddress {
  const { local } = client
  if (listening.has(local.port) && destinationType(plainAddress(local.address)) === 'local')
    throw notIntercepted(local)
  return { address: plainAddress(local.address), port: local.port }
}

function isSame(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && withoutZone(a.address) === withoutZone(plainAddress(b.address))
}

function notIntercepted(local: SocketAddress, cause?: unknown): MptkError {
  return new MptkError(
    'MPTK_NOT_INTERCEPTED',
    `the client connected to ${formatAddress(local)} itself: expected a connection that the firewall brought here`,
    { cause },
  )
}
