/** Keys of proxies that go wherever their clients say: who may use them. */
import { z } from 'zod'
import { isLoopback, type SocketAddress } from '../address.js'
import { usersMap } from './service.js'
import { fileName } from './values.js'

export const accessKeys = {
  users: usersMap.optional(),
  usersFile: fileName.optional(),
  anonymous: z.boolean().default(false),
}

interface Access {
  listen: SocketAddress[]
  users?: unknown
  usersFile?: unknown
  anonymous: boolean
}

/** What keeps a user from logging in by HTTP Basic: RFC 7617 §2 ends the name at the first colon, and has no control characters. */
export function nameProblem(name: string): string | undefined {
  const right = /^[^:\p{Cc}]*$/u.test(name)
  return right
    ? undefined
    : `expected a name without colons and control characters (RFC 7617), found ${JSON.stringify(name)}`
}

/** Belongs to {@link accessKeys}: nothing is a proxy for anybody unless it is told to. */
export function checkAccess(value: Access, context: z.core.$RefinementCtx): void {
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
}
