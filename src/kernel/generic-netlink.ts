/** Generic netlink: a family's number is found by name, its commands are then sent under that number. */
import { errnoName } from '../errors.js'
import { decodeAttributes, encodeAttribute, type Attributes } from './netlink.js'
import { NETLINK_GENERIC, netlinkRequest } from './netlink-request.js'
import { cString, u16, u32 } from './struct.js'

/** include/uapi/linux/genetlink.h */
const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2
const CTRL_ATTR_MCAST_GROUPS = 7
const CTRL_ATTR_MCAST_GRP_NAME = 1
const CTRL_ATTR_MCAST_GRP_ID = 2
/** command, version, two reserved bytes. */
export const GENL_HEADER = 4

/** The family's number, or undefined when this kernel has no such family (or no generic netlink). */
export function resolveFamily(name: string): number | undefined {
  const id = askForFamily(name)?.get(CTRL_ATTR_FAMILY_ID)
  return id === undefined ? undefined : u16(id, 0)
}

/** The number of a family's multicast group, or undefined when this kernel has none of that name. */
export function resolveGroup(family: string, name: string): number | undefined {
  const groups = askForFamily(family)?.get(CTRL_ATTR_MCAST_GROUPS)
  if (groups === undefined) return undefined
  for (const nested of decodeAttributes(groups).values()) {
    const group = decodeAttributes(nested)
    const [own, id] = [CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID].map((type) => group.get(type))
    if (own !== undefined && id !== undefined && cString(own) === name) return u32(id, 0)
  }
  return undefined
}

/** Undefined when there is none. */
function askForFamily(name: string): Attributes | undefined {
  const ask = encodeAttribute(CTRL_ATTR_FAMILY_NAME, Buffer.from(`${name}\0`))
  try {
    return command(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0, [ask], `find netlink family ${name}`)[0]
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
  return answer.map((message) => decodeAttributes(message.payload.subarray(GENL_HEADER)))
}
