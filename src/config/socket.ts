/** The keys that every socket of ours takes, listening or dialling; they become a SocketWish. */
import { z } from 'zod'
import { familyOf } from '../address.js'
import { AUTOMATIC, type SocketWish } from '../kernel/kernel.js'
import { interfaceName, kernelName, wholeNumber } from './values.js'

const named = z.union([
  z.strictObject({ name: kernelName, optional: z.boolean().default(false) }),
  kernelName.transform((name) => ({ name, optional: false })),
])

const seconds = wholeNumber(1, 32_767)
/** The kernel doubles what it is given and takes no more than an int. */
const bufferSize = wholeNumber(4096, 2 ** 30 - 1)

export const socketKeys = {
  /** `required`: a kernel without MPTCP is an error instead of TCP. */
  mptcp: z.enum(['preferred', 'required']).default('preferred'),
  /** A name, or `auto`: bbr for MPTCP where there is one, the kernel's for TCP. */
  congestion: kernelName.default(AUTOMATIC),
  scheduler: named.optional(),
  pathManager: named.optional(),
  mark: wholeNumber(0, 0xffffffff).optional(),
  device: interfaceName.optional(),
  keepalive: z
    .strictObject({ idle: seconds, interval: seconds, count: wholeNumber(1, 127) })
    .default({ idle: 60, interval: 10, count: 6 }),
  sendBuffer: bufferSize.optional(),
  receiveBuffer: bufferSize.optional(),
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
  backlog: wholeNumber(1, 65_535).optional(),
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
