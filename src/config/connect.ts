/** `type: connect`: an HTTP proxy, for programs that do not speak SOCKS. */
import { z } from 'zod'
import { accessKeys, checkAccess, nameProblem } from './access.js'
import { checkWayOut, rule, serviceKeys, userLimits, wayOutKeys } from './service.js'
import { socketAddress } from './values.js'

/** What the PAC file says besides this service's own address. */
const pac = z
  .strictObject({
    /** A SOCKS5 listener that programs shall try first. */
    socks: socketAddress.optional(),
    /** What programs shall do when no proxy answers. */
    fallback: z.enum(['none', 'direct']).default('none'),
  })
  .prefault({})

export const connect = z
  .strictObject({
    type: z.literal('connect'),
    ...serviceKeys,
    limits: userLimits,
    ...accessKeys,
    rules: z.array(rule).default([]),
    ...wayOutKeys,
    pac,
  })
  .superRefine((value, context) => {
    checkWayOut(value, context)
    checkAccess(value, context)
    for (const name of Object.keys(value.users ?? {})) {
      const message = nameProblem(name)
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['users', name], message })
    }
  })

export type ConnectConfig = z.output<typeof connect>
export type PacConfig = ConnectConfig['pac']
