/**
 * The messages on the control connection.
 *
 *     client   hello ─▶                                end ─▶
 *     server          ◀─ accepted   ◀─ started  ◀─ interval…     ◀─ result
 *                        (data connections come)
 *
 * `error` may take the place of any of the server's messages and is its last.
 */
import { z } from 'zod'
import type { ConnectionInfo } from '../../src/kernel/kernel.js'
import { MptkError } from '../../src/errors.js'
import { TOKEN_LENGTH } from './protocol.js'

export const MAX_STREAMS = 128
/** Seconds. */
export const MIN_INTERVAL = 0.1
export const MAX_SECONDS = 86_400
/** Bytes of one send call. */
export const MAX_BLOCK = 1024 * 1024
/** Bytes of a latency request, and of its answer. */
export const MAX_REQUEST_SIZE = 64 * 1024

/** `forward`: client to server. */
export type Flow = 'forward' | 'reverse'

const count = z.int().min(0)
const seconds = z.number().min(0).max(MAX_SECONDS)
const kernelName = z.string().regex(/^[\w.-]{1,15}$/)

/** What a test is, as both ends need to know it. */
export const testPlan = z
  .strictObject({
    direction: z.enum(['forward', 'reverse', 'bidir']),
    /** Bulk streams in each direction. */
    streams: count.max(MAX_STREAMS),
    /** Seconds, without the omitted ones; either this or `bytes`. */
    duration: seconds.exactOptional(),
    /** Bytes in each direction, all streams together. */
    bytes: count.max(Number.MAX_SAFE_INTEGER).exactOptional(),
    /** Seconds at the beginning that do not count. */
    omit: seconds,
    /** Seconds. */
    interval: z.number().min(MIN_INTERVAL).max(MAX_SECONDS),
    blockSize: z.int().min(1).max(MAX_BLOCK),
    /** Congestion control, on both ends. */
    congestion: kernelName.exactOptional(),
    /** Requests of that many bytes, answered by as many. */
    latency: z.strictObject({ size: z.int().min(1).max(MAX_REQUEST_SIZE) }).exactOptional(),
  })
  .refine(
    ({ duration, bytes }) => (duration === undefined) !== (bytes === undefined),
    'either duration or bytes',
  )
  .refine(
    ({ streams, latency, duration }) => streams > 0 || (latency !== undefined && duration !== undefined),
    'without streams, latency and a duration',
  )
export type TestPlan = z.output<typeof testPlan>

/** The kernel's word on a connection is passed on as it is. */
const connectionInfo = z.custom<ConnectionInfo>(
  (value) =>
    z
      .looseObject({ protocol: z.enum(['mptcp', 'tcp']), subflows: z.array(z.looseObject({})) })
      .safeParse(value).success,
)

/** What only the sending side of a stream knows. */
const sending = z.object({
  retransmits: count,
  /** Bytes, all subflows together; absent where the kernel does not tell the segment size. */
  window: count.exactOptional(),
  /** Microseconds, of the subflow with the least. */
  rtt: count,
  rttVariation: count,
})
export type Sending = z.output<typeof sending>

const intervalReport = z.object({
  /** Its place by the clock, from 0 with the omitted ones; the same at both ends. */
  index: count,
  /** Seconds since the start, or since the end of the omitted time. */
  start: z.number(),
  end: z.number(),
  omitted: z.boolean(),
  streams: z.array(z.object({ id: count, bytes: count, sending: sending.exactOptional() })),
})
export type IntervalReport = z.output<typeof intervalReport>

const flowResult = z.object({
  /** Length of the counted time. */
  seconds: z.number(),
  streams: z.array(
    z.object({
      id: count,
      bytes: count,
      connection: connectionInfo,
      sending: z
        .object({
          retransmits: count,
          maxWindow: count.exactOptional(),
          /** Microseconds, over the intervals. */
          minRtt: count,
          meanRtt: count,
          maxRtt: count,
        })
        .exactOptional(),
    }),
  ),
})
export type FlowResult = z.output<typeof flowResult>

/** Of this process, in percent of one core. */
const cpu = z.object({ total: z.number(), user: z.number(), system: z.number() })
export type CpuUse = z.output<typeof cpu>

const flow = z.enum(['forward', 'reverse'])

export const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hello'), plan: testPlan }),
  /** The client is done; `interrupted`: before its time. */
  z.strictObject({ type: z.literal('end'), interrupted: z.boolean() }),
])
export type ClientMessage = z.output<typeof clientMessage>

/** Of an answer counts what is known here: a later server may say more. */
export const serverMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('accepted'), token: z.hex().length(2 * TOKEN_LENGTH) }),
  z.object({ type: z.literal('started') }),
  z.object({ type: z.literal('interval'), flow, report: intervalReport }),
  z.object({
    type: z.literal('result'),
    flows: z.object({ forward: flowResult.exactOptional(), reverse: flowResult.exactOptional() }),
    cpu,
  }),
  z.object({ type: z.literal('error'), message: z.string().max(1000) }),
])
export type ServerMessage = z.output<typeof serverMessage>

/** @throws {MptkError} MPTK_PERF */
export function parseMessage<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'unknown' }
  throw new MptkError(
    'MPTK_PERF',
    `the peer sent a message that is not understood: ${path.join('.')}: ${message}`,
  )
}

/** Of all streams of a direction. */
export function totalBytes({ streams }: FlowResult): number {
  return streams.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The directions in which a plan has bulk streams. */
export function flowsOf(plan: TestPlan): Flow[] {
  if (plan.streams === 0) return []
  return plan.direction === 'bidir' ? ['forward', 'reverse'] : [plan.direction]
}

/** Stream numbers of one direction: forward ones from 1, then reverse ones. */
export function streamIds(plan: TestPlan, of: Flow): number[] {
  if (!flowsOf(plan).includes(of)) return []
  const first = plan.direction === 'bidir' && of === 'reverse' ? plan.streams + 1 : 1
  return Array.from({ length: plan.streams }, (_, i) => first + i)
}

/** What each stream of one direction has to carry, by its place in {@link streamIds}; they add up to `plan.bytes`. */
export function shareOf(plan: TestPlan, place: number): number | undefined {
  if (plan.bytes === undefined) return undefined
  const share = Math.floor(plan.bytes / plan.streams)
  return share + (place < plan.bytes % plan.streams ? 1 : 0)
}
