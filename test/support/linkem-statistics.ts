/** What linkem answers to `stats`, checked: a test must not read undefined as a number. */
import { z } from 'zod'

const amount = z.strictObject({ packets: z.number().int().min(0), bytes: z.number().int().min(0) })

const direction = z.strictObject({
  in: amount,
  delivered: amount,
  dropped: z.strictObject({
    queue: amount,
    loss: amount,
    down: amount,
    receiver: amount,
    memory: amount,
    length: amount,
  }),
  deviceDropped: z.number().int().min(0).nullable(),
  queue: amount,
  queueMax: amount,
  delayed: amount,
  late: z.strictObject({ maxMs: z.number().min(0), over1ms: z.number().int().min(0) }),
})

const answer = z.strictObject({
  ok: z.literal(true),
  stats: z.strictObject({
    uptimeMs: z.number(),
    down: z.boolean(),
    'a>b': direction,
    'b>a': direction,
  }),
})

export type DirectionStatistics = z.infer<typeof direction>
export type Statistics = z.infer<typeof answer>['stats']

/** @throws {z.ZodError} when it is anything else */
export function statistics(from: unknown): Statistics {
  return answer.parse(from).stats
}

/** Packets of one direction that are neither delivered, dropped nor still on the link; 0 unless some got lost in the emulator. */
export function unaccounted(of: DirectionStatistics): number {
  const dropped = Object.values(of.dropped).reduce((sum, { packets }) => sum + packets, 0)
  return of.in.packets - of.delivered.packets - dropped - of.queue.packets - of.delayed.packets
}
