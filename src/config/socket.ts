/** The keys that every socket of ours takes, listening or dialling; they become a SocketWish. */
import { z } from 'zod'
import { familyOf } from '../address.js'
import type { SocketWish } from '../kernel/kernel.js'
import { kernelName } from './values.js'

const named = z.union([
  kernelName.transform((name) => ({ name, optional: false })),
  z.strictObject({ name: kernelName, optional: z.boolean().default(false) }),
])

const seconds = z.int().min(1).max(32767)

export const socketKeys = {
  /** `required`: a kernel without MPTCP is an error instead of TCP. */
  mptcp: z.enum(['preferred', 'required']).default('preferred'),
  congestion: kernelName.optional(),
  scheduler: named.optional(),
  pathManager: named.optional(),
  mark: z.int().min(0).max(0xffffffff).optional(),
  device: z.string().min(1).max(15).optional(),
  keepalive: z
    .strictObject({ idle: seconds, interval: seconds, count: z.int().min(1).max(127) })
    .default({ idle: 60, interval: 10, count: 6 }),
  sendBuffer: z.int().min(4096).optional(),
  receiveBuffer: z.int().min(4096).optional(),
}

export const dialKeys = {
  ...socketKeys,
  source: z
    .string()
    .refine((value) => familyOf(value) !== 0, 'expected an IP address of this host')
    .optional(),
}

export const listenKeys = {
  transport: z.enum(['mptcp', 'tcp']).default('mptcp'),
  ...socketKeys,
  reusePort: z.boolean().optional(),
  backlog: z.int().min(1).max(65535).optional(),
}

type Wishful = { [Key in keyof SocketWish]?: SocketWish[Key] | undefined } & {
  transport: SocketWish['transport']
}

const WISH_KEYS = [
  'transport',
  'mptcp',
  'congestion',
  'scheduler',
  'pathManager',
  'mark',
  'device',
  'source',
  'reusePort',
  'keepalive',
  'sendBuffer',
  'receiveBuffer',
] as const satisfies (keyof SocketWish)[]

/** The part of a configuration entry that concerns the socket itself. */
export function socketWish(entry: Wishful): SocketWish {
  const wish = Object.fromEntries(
    WISH_KEYS.filter((key) => entry[key] !== undefined).map((key) => [key, entry[key]]),
  )
  return wish as unknown as SocketWish
}
