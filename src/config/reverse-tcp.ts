/** `type: reverse-tcp`. */
import { z } from 'zod'
import { egress, serviceKeys } from './service.js'
import { destination } from './values.js'

export const reverseTcp = z.strictObject({
  type: z.literal('reverse-tcp'),
  ...serviceKeys,
  target: destination,
  egress: egress.prefault({}),
})

export type ReverseTcpConfig = z.output<typeof reverseTcp>
