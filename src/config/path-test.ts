/** `type: path-test`: the far end of `mptk doctor path`. */
import { z } from 'zod'
import { serviceName } from './service.js'
import { duration, oneOrMore, socketAddress, wholeNumber } from './values.js'

/** No more than a few people test their paths at a time, and each test is one connection after another. */
const limits = z
  .strictObject({
    connections: wholeNumber(1, 4096).default(64),
    perSource: wholeNumber(1, 4096).default(8),
  })
  .prefault({})

const timeouts = z.strictObject({ test: duration.prefault('30s') }).prefault({})

export const pathTest = z.strictObject({
  type: z.literal('path-test'),
  name: serviceName,
  listen: oneOrMore(socketAddress),
  limits,
  timeouts,
})

export type PathTestConfig = z.output<typeof pathTest>
