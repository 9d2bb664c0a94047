/** One netlink request and its whole answer, errors thrown. */
import { getSystemErrorName } from 'node:util'
import type { SystemError } from '../errors.js'
import { native } from '../native.js'
import {
  NLMSG_MIN_TYPE,
  NLM_F_REQUEST,
  decodeMessages,
  decodeStatus,
  encodeMessage,
  type NetlinkMessage,
  type NetlinkStatus,
} from './netlink.js'

export const NETLINK_SOCK_DIAG = 4
export const NETLINK_GENERIC = 16

/**
 * @param what for the error: what was asked of the kernel
 * @returns the messages of the answer, status messages left out
 * @throws {SystemError} with the kernel's own words where it gives any @throws {MptkError} MPTK_NETLINK
 */
export function netlinkRequest(
  protocol: number,
  type: number,
  flags: number,
  payload: Buffer,
  what: string,
): NetlinkMessage[] {
  const request = encodeMessage(type, NLM_F_REQUEST | flags, 1, payload)
  const messages = native.netlink(protocol, request).flatMap(decodeMessages)
  for (const message of messages) {
    const status = decodeStatus(message)
    if (status !== undefined && status.errno !== 0) throw netlinkError(status, what)
  }
  return messages.filter(({ type: each }) => each >= NLMSG_MIN_TYPE)
}

function netlinkError({ errno, message }: NetlinkStatus, what: string): SystemError {
  const code = getSystemErrorName(-errno)
  const words = message === undefined ? '' : ` (${message})`
  return Object.assign(new Error(`${what}: ${code}${words}`), { code, errno, syscall: 'netlink' })
}
