/** The path manager that a program is: what it asks of the kernel for one connection (net.mptcp.path_manager=userspace). */
import { formatAddress, type SocketAddress } from '../address.js'
import { encodeEndpoint, PM_ATTR } from './endpoint-codec.js'
import { encodeAttribute, NLM_F_ACK } from './netlink.js'
import { pathManagerCommand } from './path-manager.js'
import { putU32 } from './struct.js'

const SUBFLOW_CREATE = 10

export interface SubflowRequest {
  /** The connection's own. */
  token: number
  /** Local address and its id in this connection: the kernel keeps one id for each address. */
  local: { id: number; address: string }
  remote: SocketAddress
}

/**
 * Begins a subflow; whether it comes about is told by an event. The kernel chooses its port.
 * @throws {SystemError} ESRCH for a token that is no more, ENOTCONN for a connection that ends or has not
 *   begun, EINVAL for one of the in-kernel path manager
 */
export function createSubflow({ token, local, remote }: SubflowRequest): void {
  const attributes = [
    encodeAttribute(PM_ATTR.token, putU32(token)),
    encodeEndpoint(local),
    encodeEndpoint(remote, PM_ATTR.remote),
  ]
  pathManagerCommand(
    SUBFLOW_CREATE,
    NLM_F_ACK,
    attributes,
    `subflow from ${local.address} to ${formatAddress(remote)}`,
  )
}
