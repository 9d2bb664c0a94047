/** `type: socks5`. */
import { z } from 'zod'
import { isLoopback } from '../address.js'
import { checkWayOut, rule, serviceKeys, usersMap, wayOutKeys } from './service.js'
import { fileName } from './values.js'

export const socks5 = z
  .strictObject({
    type: z.literal('socks5'),
    ...serviceKeys,
    users: usersMap.optional(),
    usersFile: fileName.optional(),
    anonymous: z.boolean().default(false),
    rules: z.array(rule).default([]),
    ...wayOutKeys,
  })
  .superRefine((value, context) => {
    checkWayOut(value, context)
    const open = value.users === undefined && value.usersFile === undefined && !value.anonymous
    const exposed = open ? value.listen.find((each) => !isLoopback(each.address)) : undefined
    if (exposed !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['listen'],
        params: { open: true },
        message: `expected users, usersFile or anonymous: true for a listener off loopback, found none for ${exposed.address}: anybody could use this proxy`,
      })
    }
    if (value.anonymous && (value.users !== undefined || value.usersFile !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['anonymous'],
        message: 'expected either users or anonymous: true, found both',
      })
    }
  })

export type Socks5Config = z.output<typeof socks5>
