/** `type: socks5`. */
import { z } from 'zod'
import { accessKeys, checkAccess } from './access.js'
import { checkWayOut, rule, serviceKeys, userLimits, wayOutKeys } from './service.js'

export const socks5 = z
  .strictObject({
    type: z.literal('socks5'),
    ...serviceKeys,
    limits: userLimits,
    ...accessKeys,
    rules: z.array(rule).default([]),
    ...wayOutKeys,
  })
  .superRefine((value, context) => {
    checkWayOut(value, context)
    checkAccess(value, context)
  })

export type Socks5Config = z.output<typeof socks5>
