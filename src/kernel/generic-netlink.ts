/** Generic netlink: a family's number is found by name, its commands are then sent under that number. */
import { errnoName } from '../errors.js'
import { decodeAttributes, encodeAttribute, type Attributes } from './netlink.js'
import { NETLINK_GENERIC, netlinkRequest } from './netlink-request.js'
import { u16 } from './struct.js'

/** include/uapi/linux/genetlink.h */
const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2
/** command, version, two reserved bytes. */
const HEADER = 4

/** The family's number, or undefined when this kernel has no such family (or no generic netlink). */
export function resolveFamily(name: string): number | undefined {
  const ask = encodeAttribute(CTRL_ATTR_FAMILY_NAME, Buffer.from(`${name}\0`))
  try {
    const [answer] = command(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0, [ask], `find netlink family ${name}`)
    const id = answer?.get(CTRL_ATTR_FAMILY_ID)
    return id === undefined ? undefined : u16(id, 0)
  } catch (error) {
    if (errnoName(error) === undefined) throw error
    return undefined
  }
}

/**
 * Sends one command.
 * @param flags NLM_F_DUMP or NLM_F_ACK, beside NLM_F_REQUEST
 * @returns the attributes of each message of the answer
 * @throws {SystemError} @throws {MptkError} MPTK_NETLINK
 */
export function command(
  family: number,
  number: number,
  version: number,
  flags: number,
  attributes: readonly Buffer[],
  what: string,
): Attributes[] {
  const payload = Buffer.concat([Buffer.from([number, version, 0, 0]), ...attributes])
  const answer = netlinkRequest(NETLINK_GENERIC, family, flags, payload, what)
  return answer.map((message) => decodeAttributes(message.payload.subarray(HEADER)))
}
