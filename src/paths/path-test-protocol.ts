/**
 * What the two ends of a path test say to each other: pure, no I/O. A connection is a few
 * rounds of one frame each way. Every frame is {@link FRAME_LENGTH} bytes whatever it says, so
 * that an answer is never longer than its question:
 *
 *     JSON of one object · spaces · line feed
 */
import { z } from 'zod'
import { familyOf } from '../address.js'
import { MptkError } from '../errors.js'

export const PROTOCOL_VERSION = 1
/** Bytes; more than one segment is never needed, and DSS options ride on each. */
export const FRAME_LENGTH = 1024
/** After so many rounds the far end hangs up. */
export const MAX_ROUNDS = 4
/** Where far ends listen unless they say otherwise; beside `mptk perf`. */
export const DEFAULT_PORT = 5211

const protocol = z.enum(['mptcp', 'tcp'])
/** Shown on terminals: nothing that could move the cursor. */
const words = z.string().regex(/^[^\p{Cc}]{0,200}$/u)
const count = z.int().min(0)

// of an answer counts what is known here: a later far end may say more

/** Of the far end's kernel, for all its connections; since the first question on this connection. */
const counters = z.object({
  /** SYNs that asked for MPTCP. */
  syn: count,
  /** Handshakes whose SYN asked for MPTCP and whose ACK no longer did. */
  lostAtAck: count,
  /** Connections that fell back later. */
  lostLater: count,
})

const question = z.strictObject({
  pathTest: z.literal(PROTOCOL_VERSION),
  round: z.int().min(1).max(MAX_ROUNDS),
})

const answer = z.object({
  pathTest: z.literal(PROTOCOL_VERSION),
  round: z.int().min(1).max(MAX_ROUNDS),
  /** What the far end's listener speaks; the reason, where that is TCP. */
  listener: z.object({ protocol, reason: words.optional() }),
  /** Where this connection comes from, as the far end sees it. */
  seen: z.object({
    address: z.string().refine((value) => familyOf(value) !== 0),
    port: z.int().min(0).max(65_535),
  }),
  /** What the connection was when it was accepted, and what it is now. */
  accepted: protocol,
  now: protocol,
  subflows: count,
  /** Absent where the far end's kernel does not count. */
  counters: counters.optional(),
})

/** Instead of an answer: the far end has as many tests as it takes. */
const busy = z.object({ pathTest: z.literal(PROTOCOL_VERSION), busy: z.literal(true) })

const other = z.object({ pathTest: z.int() })

export type Question = z.output<typeof question>
export type Answer = z.output<typeof answer>
export type FarCounters = z.output<typeof counters>

export function encodeQuestion(round: number): Buffer {
  return encode({ pathTest: PROTOCOL_VERSION, round } satisfies Question)
}

export function encodeAnswer(value: Answer): Buffer {
  return encode(value)
}

/** Tells a client of another version which one is spoken here. */
export function encodeVersion(): Buffer {
  return encode({ pathTest: PROTOCOL_VERSION })
}

/** Tells a client that too many tests are in progress. */
export function encodeBusy(): Buffer {
  return encode({ pathTest: PROTOCOL_VERSION, busy: true } satisfies z.output<typeof busy>)
}

/** @returns `other version` for a question of another version @throws {MptkError} MPTK_PATH_TEST */
export function decodeQuestion(frame: Buffer): Question | 'other version' {
  const value = decode(frame)
  return versionOf(value) === PROTOCOL_VERSION ? checked(question, value) : 'other version'
}

/** The far end is there and takes no more tests now: no word on the path. */
export class FarEndBusy extends MptkError {
  constructor() {
    super('MPTK_PATH_TEST', 'the far end has as many tests as it takes: try again in a minute')
  }
}

/** @throws {FarEndBusy} @throws {MptkError} MPTK_PATH_TEST for anything but the answer to this round's question */
export function decodeAnswer(frame: Buffer, round: number): Answer {
  const value = decode(frame)
  const version = versionOf(value)
  if (version !== PROTOCOL_VERSION) {
    throw new MptkError(
      'MPTK_PATH_TEST',
      `the far end speaks version ${version} of the path test and not ${PROTOCOL_VERSION}`,
    )
  }
  if (busy.safeParse(value).success) throw new FarEndBusy()
  const found = checked(answer, value)
  if (found.round !== round) throw foreign()
  return found
}

function encode(value: object): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  if (json.length >= FRAME_LENGTH) throw new Error(`${json.length} bytes do not fit into a frame`)
  const frame = Buffer.alloc(FRAME_LENGTH, ' ')
  json.copy(frame)
  frame.write('\n', FRAME_LENGTH - 1)
  return frame
}

function decode(frame: Buffer): unknown {
  if (frame.length !== FRAME_LENGTH || frame.at(-1) !== 0x0a) throw foreign()
  try {
    return JSON.parse(frame.toString('utf8')) as unknown
  } catch (cause) {
    throw foreign(cause)
  }
}

function versionOf(value: unknown): number {
  return checked(other, value).pathTest
}

function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw foreign(result.error)
}

function foreign(cause?: unknown): MptkError {
  return new MptkError('MPTK_PATH_TEST', 'the peer does not speak the protocol of the path test', { cause })
}
