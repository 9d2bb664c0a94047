/** Netlink messages and attributes as bytes; nothing here talks to the kernel. Layout: include/uapi/linux/netlink.h. */
import { MptkError } from '../errors.js'
import { cString, putU16, putU32, s32, u16, u32 } from './struct.js'

export const NLM_F_REQUEST = 0x01
export const NLM_F_ACK = 0x04
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
/** Below it are messages of netlink itself, as NLMSG_NOOP: no part of an answer. */
export const NLMSG_MIN_TYPE = 16

const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const NLA_F_NESTED = 0x8000
/** The two top bits of an attribute's type are flags. */
const NLA_TYPE_MASK = 0x3fff
const HEADER = 16
const ATTRIBUTE_HEADER = 4

export interface NetlinkMessage {
  type: number
  flags: number
  payload: Buffer
}

/** An NLMSG_ERROR, or the code at the end of a dump. */
export interface NetlinkStatus {
  /** 0 for an acknowledgement, else a positive errno. */
  errno: number
  /** What the kernel adds in words (extended acknowledgement). */
  message?: string
}

/** Attributes by type, flags taken off. Of a repeated type the last one stays, as in the kernel's own parser. */
export type Attributes = Map<number, Buffer>

const aligned = (length: number): number => (length + 3) & ~3

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)])
}

export function encodeMessage(type: number, flags: number, sequence: number, payload: Buffer): Buffer {
  const length = HEADER + payload.length
  // port id 0: the kernel fills in the sender's own
  const header = [putU32(length), putU16(type), putU16(flags), putU32(sequence), putU32(0)]
  return padded(Buffer.concat([...header, payload]))
}

export function encodeAttribute(type: number, value: Buffer): Buffer {
  return padded(Buffer.concat([putU16(ATTRIBUTE_HEADER + value.length), putU16(type), value]))
}

export function encodeNested(type: number, attributes: readonly Buffer[]): Buffer {
  return encodeAttribute(type | NLA_F_NESTED, Buffer.concat(attributes))
}

/** Splits one datagram. @throws {MptkError} MPTK_NETLINK when a length does not fit */
export function decodeMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  for (let rest = datagram; rest.length > 0;) {
    const length = u32(rest, 0) ?? 0
    if (length < HEADER || length > rest.length) throw malformed('message', length, rest.length)
    messages.push({
      type: u16(rest, 4) ?? 0,
      flags: u16(rest, 6) ?? 0,
      payload: rest.subarray(HEADER, length),
    })
    rest = rest.subarray(aligned(length))
  }
  return messages
}

/** @throws {MptkError} MPTK_NETLINK when a length does not fit */
export function decodeAttributes(bytes: Buffer): Attributes {
  const attributes: Attributes = new Map()
  // fewer bytes than a header are padding
  for (let rest = bytes; rest.length >= ATTRIBUTE_HEADER;) {
    const length = u16(rest, 0) ?? 0
    if (length < ATTRIBUTE_HEADER || length > rest.length) throw malformed('attribute', length, rest.length)
    attributes.set((u16(rest, 2) ?? 0) & NLA_TYPE_MASK, rest.subarray(ATTRIBUTE_HEADER, length))
    rest = rest.subarray(aligned(length))
  }
  return attributes
}

/** The status that an NLMSG_ERROR or NLMSG_DONE carries; undefined for any other message. */
export function decodeStatus(message: NetlinkMessage): NetlinkStatus | undefined {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return undefined
  // the kernel writes a negative errno; a short NLMSG_DONE is success
  const errno = Math.abs(s32(message.payload, 0) ?? 0)
  const words = errno !== 0 && (message.flags & NLM_F_ACK_TLVS) !== 0 ? statusWords(message) : undefined
  return { errno, ...(words !== undefined && { message: words }) }
}

/** They only explain: words that cannot be read must not hide the error. */
function statusWords(message: NetlinkMessage): string | undefined {
  try {
    const parts = decodeAttributes(message.payload.subarray(attributesOffset(message)))
    const words = parts.get(NLMSGERR_ATTR_MSG)
    return words === undefined ? undefined : cString(words)
  } catch {
    return undefined
  }
}

/** After an error stands the request it answers: its header only when capped, else all of it. */
function attributesOffset(message: NetlinkMessage): number {
  if (message.type === NLMSG_DONE) return 4
  const request = (message.flags & NLM_F_CAPPED) !== 0 ? HEADER : (u32(message.payload, 4) ?? HEADER)
  return 4 + aligned(request)
}

function malformed(what: string, length: number, available: number): MptkError {
  return new MptkError('MPTK_NETLINK', `netlink ${what} of ${length} bytes in ${available} bytes of answer`)
}
