/**
 * The bytes of `mptk perf`: pure, no I/O. Every connection, whatever proxies it came through,
 * says in its first 24 bytes what it is; the control connection then carries JSON messages,
 * each behind its length.
 *
 *     preamble   "mptk" · version u8 · kind u8 · stream u16 · token 16 bytes
 *     message    length u32 · JSON of that length
 */
import { MptkError } from '../../src/errors.js'

export const PROTOCOL_VERSION = 1
export const PREAMBLE_LENGTH = 24
export const TOKEN_LENGTH = 16
/** Room for the results of {@link MAX_STREAMS} streams both ways with eight subflows each. */
export const MAX_MESSAGE = 4 * 1024 * 1024
/** Of a client: nothing it has to say is long. */
export const MAX_REQUEST = 16 * 1024

const MAGIC = Buffer.from('mptk')
const KINDS = ['control', 'data', 'latency'] as const
const NO_TOKEN = Buffer.alloc(TOKEN_LENGTH)

/** What a connection is for. `data` and `latency` ones name the test by the token that the server gave out. */
export type ConnectionKind = (typeof KINDS)[number]

export interface Preamble {
  version: number
  kind: ConnectionKind
  /** Number of the stream within its test; 0 for the control connection. */
  stream: number
  /** Hexadecimal; zeros for the control connection. */
  token: string
}

export function encodePreamble(kind: ConnectionKind, stream = 0, token?: string): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_LENGTH)
  MAGIC.copy(bytes)
  bytes.writeUInt8(PROTOCOL_VERSION, 4)
  bytes.writeUInt8(KINDS.indexOf(kind), 5)
  bytes.writeUInt16BE(stream, 6)
  const given = token === undefined ? NO_TOKEN : Buffer.from(token, 'hex')
  given.copy(bytes, 8)
  return bytes
}

/** @param bytes exactly {@link PREAMBLE_LENGTH} of them @throws {MptkError} MPTK_PERF for anything else */
export function decodePreamble(bytes: Buffer): Preamble {
  const kind = KINDS[bytes.readUInt8(5)]
  if (!bytes.subarray(0, 4).equals(MAGIC) || kind === undefined) {
    throw new MptkError('MPTK_PERF', 'what connected is no mptk perf client')
  }
  return {
    version: bytes.readUInt8(4),
    kind,
    stream: bytes.readUInt16BE(6),
    token: bytes.toString('hex', 8, PREAMBLE_LENGTH),
  }
}

export function encodeMessage(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message))
  const frame = Buffer.alloc(4 + json.length)
  frame.writeUInt32BE(json.length)
  json.copy(frame, 4)
  return frame
}

/**
 * The first message in the bytes; undefined while it is incomplete.
 * @param limit longest message taken, in bytes @throws {MptkError} MPTK_PERF
 */
export function decodeMessage(bytes: Buffer, limit: number): { value: unknown; length: number } | undefined {
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32BE()
  if (length > limit) throw new MptkError('MPTK_PERF', 'the peer does not speak the protocol of mptk perf')
  if (bytes.length < 4 + length) return undefined
  const json = bytes.toString('utf8', 4, 4 + length)
  try {
    return { value: JSON.parse(json) as unknown, length: 4 + length }
  } catch (cause) {
    throw new MptkError('MPTK_PERF', 'the peer does not speak the protocol of mptk perf', { cause })
  }
}
