/** The in-kernel path manager of upstream kernels: endpoints and limits of this network namespace. */
import { MptkError } from '../errors.js'
import type { Endpoint, Limits } from './kernel.js'
import { decodeEndpoint, encodeEndpoint, PM_ATTR, type EndpointRequest } from './endpoint-codec.js'
import { command, resolveFamily } from './generic-netlink.js'
import { encodeAttribute, NLM_F_ACK, NLM_F_DUMP, type Attributes } from './netlink.js'
import { formatIP, parseIP } from './sockaddr.js'
import { putU32, u32 } from './struct.js'

export const PATH_MANAGER_FAMILY = 'mptcp_pm'
const VERSION = 1
const CMD = { add: 1, remove: 2, get: 3, setLimits: 5, getLimits: 6, setFlags: 7 } as const

let family: number | undefined

/** A family's number stays the same while the kernel runs. */
function pathManager(): number {
  family ??= resolveFamily(PATH_MANAGER_FAMILY)
  if (family !== undefined) return family
  throw new MptkError('MPTK_KERNEL_UNSUPPORTED', 'this kernel has no MPTCP path manager')
}

/** One command of the path manager's family. @throws {SystemError} EPERM without CAP_NET_ADMIN */
export function pathManagerCommand(
  number: number,
  flags: number,
  attributes: Buffer[],
  what: string,
): Attributes[] {
  return command(pathManager(), number, VERSION, flags, attributes, what)
}

/** @throws {SystemError} EPERM without CAP_NET_ADMIN */
export function listEndpoints(): Endpoint[] {
  return pathManagerCommand(CMD.get, NLM_F_DUMP, [], 'list endpoints').flatMap((answer) => {
    const nested = answer.get(PM_ATTR.address)
    return (nested === undefined ? undefined : decodeEndpoint(nested)) ?? []
  })
}

/**
 * The kernel drops flags it does not know without a word, so the result is read back; an
 * endpoint that is less than was asked for is removed again.
 * @throws {SystemError} @throws {MptkError} MPTK_KERNEL_UNSUPPORTED, MPTK_ADDRESS
 */
export function addEndpoint(endpoint: EndpointRequest & Pick<Endpoint, 'address' | 'flags'>): void {
  pathManagerCommand(CMD.add, NLM_F_ACK, [encodeEndpoint(endpoint)], `add endpoint ${endpoint.address}`)
  const address = formatIP(parseIP(endpoint.address))
  const added = listEndpoints().find(
    (each) => each.address === address && (each.port ?? 0) === (endpoint.port ?? 0),
  )
  const missing = endpoint.flags.filter((flag) => added?.flags.includes(flag) !== true)
  if (missing.length === 0) return
  if (added !== undefined) removeEndpoint(added)
  throw new MptkError(
    'MPTK_KERNEL_UNSUPPORTED',
    `endpoint ${endpoint.address}: this kernel does not know the flag ${missing.join(', ')}`,
  )
}

/** Id 0, the address of a connection's initial subflow, needs the address too. @throws {SystemError} */
export function removeEndpoint({ id, address }: { id: number; address?: string }): void {
  const request = encodeEndpoint({ id, ...(address !== undefined && { address }) })
  pathManagerCommand(
    CMD.remove,
    NLM_F_ACK,
    [request],
    `remove endpoint ${id}${address === undefined ? '' : ` ${address}`}`,
  )
}

/**
 * Changes backup and fullmesh of an endpoint that is there, to those of `flags`. Changing fullmesh
 * closes its subflows on all connections and opens them anew, without the word to the peer
 * (REMOVE_ADDR) that a removal is (Linux 6.18).
 * @throws {SystemError} EINVAL for fullmesh beside signal
 */
export function setEndpointFlags({ id, flags }: Pick<Endpoint, 'id' | 'flags'>): void {
  pathManagerCommand(
    CMD.setFlags,
    NLM_F_ACK,
    [encodeEndpoint({ id, flags })],
    `set flags of endpoint ${id}: ${flags.join(' ')}`,
  )
}

export function getLimits(): Limits | undefined {
  const [answer] = pathManagerCommand(CMD.getLimits, 0, [], 'get limits')
  const [subflows, accepted] = [PM_ATTR.subflows, PM_ATTR.receivedAddAddrs].map((type) => answer?.get(type))
  if (subflows === undefined || accepted === undefined) return undefined
  return { subflows: u32(subflows, 0) ?? 0, addAddrAccepted: u32(accepted, 0) ?? 0 }
}

/** Each at most 8. @throws {SystemError} */
export function setLimits({ subflows, addAddrAccepted }: Limits): void {
  const attributes = [
    encodeAttribute(PM_ATTR.receivedAddAddrs, putU32(addAddrAccepted)),
    encodeAttribute(PM_ATTR.subflows, putU32(subflows)),
  ]
  pathManagerCommand(
    CMD.setLimits,
    NLM_F_ACK,
    attributes,
    `set limits to ${subflows} subflows, ${addAddrAccepted} addresses accepted`,
  )
}
