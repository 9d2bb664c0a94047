/**
 * The PROXY protocol (HAProxy's doc/proxy-protocol.txt): tells a backend, before the first byte
 * of a connection, who the client is. Pure.
 */
import { familyOf, plainAddress, withoutZone, type SocketAddress } from '../../src/address.js'
import { parseIP } from '../../src/kernel/sockaddr.js'

export interface ProxiedConnection {
  client: SocketAddress
  /** The address of ours that the client connected to. */
  local: SocketAddress
  /** The host name that the client asked for. */
  authority?: string
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const VERSION_2_PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21
const PP2_TYPE_AUTHORITY = 0x02

/** Version 1, §2.1: one line of text; it has no place for a host name. */
export function encodeProxyV1({ client, local }: ProxiedConnection): Buffer {
  const [from, to] = plainPair(client, local)
  const family = familyOf(from) === 6 ? 'TCP6' : 'TCP4'
  return Buffer.from(`PROXY ${family} ${from} ${to} ${client.port} ${local.port}\r\n`, 'latin1')
}

/** Version 2, §2.2: binary. */
export function encodeProxyV2({ client, local, authority }: ProxiedConnection): Buffer {
  const [from, to] = plainPair(client, local).map(parseIP) as [Buffer, Buffer]
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(client.port, 0)
  ports.writeUInt16BE(local.port, 2)
  const payload = Buffer.concat([from, to, ports, ...(authority === undefined ? [] : [tlv(authority)])])
  const fixed = Buffer.from([VERSION_2_PROXY, from.length === 4 ? TCP4 : TCP6, 0, 0])
  fixed.writeUInt16BE(payload.length, 2)
  return Buffer.concat([SIGNATURE, fixed, payload])
}

function tlv(authority: string): Buffer {
  const value = Buffer.from(authority)
  const header = Buffer.from([PP2_TYPE_AUTHORITY, 0, 0])
  header.writeUInt16BE(value.length, 1)
  return Buffer.concat([header, value])
}

/** Both addresses in one family: IPv4-mapped ones are IPv4, as the client sees them. */
function plainPair(client: SocketAddress, local: SocketAddress): [string, string] {
  const pair = [client, local].map(({ address }) => plainAddress(withoutZone(address))) as [string, string]
  const mixed = familyOf(pair[0]) !== familyOf(pair[1])
  return mixed
    ? (pair.map((each) => (familyOf(each) === 4 ? `::ffff:${each}` : each)) as [string, string])
    : pair
}
