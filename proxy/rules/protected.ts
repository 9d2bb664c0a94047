/**
 * Addresses a proxy must not be talked into reaching: services that trust whoever comes from
 * this host (loopback, its own addresses) or from the same wire (link-local, cloud metadata),
 * and what is no unicast destination at all.
 */
import { plainAddress, PrefixSet, withoutZone } from '../../src/address.js'
import { destinationType, type DestinationType, type SocketWay } from '../../src/kernel/route-lookup.js'

/**
 * Where clouds tell their machines secrets, beside 169.254.0.0/16 and fe80::/10. As the vendors
 * document it: AWS EC2's "Instance metadata and user data" and EKS's "Pod Identity Agent", Google's
 * "About VM metadata", Azure's "What is IP address 168.63.129.16", Alibaba's "Instance metadata",
 * Oracle's "Accessing Instance Metadata" (Compute Classic), Scaleway's data source of cloud-init.
 */
const METADATA = [
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:42::42',
]

const KINDS: readonly [string, PrefixSet][] = [
  ['it is a loopback address', new PrefixSet(['127.0.0.0/8', '::1'])],
  ['it is a link-local address', new PrefixSet(['169.254.0.0/16', 'fe80::/10'])],
  ["it is a cloud's metadata service", new PrefixSet(METADATA)],
  ['it means this host', new PrefixSet(['0.0.0.0/8', '::'])],
  ['it is a multicast or broadcast address', new PrefixSet(['224.0.0.0/4', '255.255.255.255', 'ff00::/8'])],
]

const BY_TYPE: Readonly<Record<DestinationType, string>> = {
  local: "it is the proxy host's own address",
  anycast: "it is the proxy host's own address",
  broadcast: 'it is a multicast or broadcast address',
  multicast: 'it is a multicast or broadcast address',
}

/**
 * Why the address is protected, or undefined when it is not. The kernel is asked each time: what
 * is its own changes at any moment.
 * @param way of the sockets that would go there: routing policy may make more addresses this host's
 * @throws {SystemError} when the kernel cannot be asked; nobody may then go there
 */
export function protectedReason(address: string, way: SocketWay = {}): string | undefined {
  const plain = withoutZone(plainAddress(address))
  const kind = KINDS.find(([, prefixes]) => prefixes.has(plain))
  if (kind !== undefined) return kind[0]
  const special = Object.values(way).some((value) => value !== undefined)
  const type = destinationType(plain) ?? (special ? destinationType(plain, way) : undefined)
  return type && BY_TYPE[type]
}
