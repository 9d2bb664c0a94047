/** What the kinds of services have in common: users, rules, limits, timeouts, ways out. */
import { z } from 'zod'
import { whyNotHashed } from './hash-numbers.js'
import { dialKeys, listenKeys } from './socket.js'
import {
  destination,
  destinationPattern,
  duration,
  durationOrNone,
  fileName,
  oneOrMore,
  portRange,
  prefix,
  socketAddress,
  wholeNumber,
} from './values.js'

/** RFC 1929 carries 1 to 255 bytes each of name and password. */
const A_CREDENTIAL = 'expected text of 1 to 255 bytes'
export const credential = z
  .string(A_CREDENTIAL)
  .refine((value) => value !== '' && Buffer.byteLength(value) <= 255, A_CREDENTIAL)

const A_HASH = 'expected a hash as mptk passwd prints it'
const passwordHash = z
  .string(A_HASH)
  .regex(/^scrypt\$\d{1,7}\$\d{1,2}\$\d{1,2}\$[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]+=*$/, A_HASH)
  .superRefine((value, context) => {
    const why = whyNotHashed(value)
    if (why !== undefined) context.addIssue({ code: 'custom', message: `${A_HASH}, with ${why}` })
  })

export interface UserEntry {
  password?: string | undefined
  passwordHash?: string | undefined
}

/** `alice: scrypt$…` is short for `alice: { passwordHash: scrypt$… }`. */
const userEntry = z.union([
  passwordHash.transform((hash): UserEntry => ({ passwordHash: hash })),
  z
    .strictObject({ password: credential.optional(), passwordHash: passwordHash.optional() })
    .refine(
      (value) => (value.password === undefined) !== (value.passwordHash === undefined),
      'expected either password or passwordHash',
    )
    .transform((value): UserEntry => value),
])

export const usersMap = z.record(credential, userEntry)

const match = z.strictObject({
  /** Names (`example.org`, `*.example.org`, `*`) and prefixes (`10.0.0.0/8`). */
  destinations: oneOrMore(destinationPattern).optional(),
  ports: oneOrMore(portRange).optional(),
  users: oneOrMore(credential).optional(),
  sources: oneOrMore(prefix).optional(),
})

export const rule = z
  .strictObject({ allow: match.optional(), deny: match.optional() })
  .refine(
    (value) => (value.allow === undefined) !== (value.deny === undefined),
    'expected either allow or deny: a rule each',
  )

/** What is left out is derived from what the process may open: proxy/capacity.ts. */
const limitKeys = {
  connections: wholeNumber(1, 1_000_000).optional(),
  perSource: wholeNumber(1, 1_000_000).optional(),
}

/** Of services whose clients may prove who they are. */
export const userLimits = z
  .strictObject({ ...limitKeys, perUser: wholeNumber(1, 1_000_000).optional() })
  .prefault({})

const timeouts = z
  .strictObject({
    handshake: duration.prefault('10s'),
    dial: duration.prefault('30s'),
    // RFC 5382 REQ-5: two hours and four minutes at least, so that keepalives of the ends come first
    idle: durationOrNone.prefault('3h'),
    halfClosed: durationOrNone.prefault('5m'),
    stalled: durationOrNone.prefault('60s'),
  })
  .prefault({})

export const upstream = z
  .strictObject({
    type: z.literal('socks5'),
    address: destination,
    transport: z.enum(['mptcp', 'tcp']).default('mptcp'),
    /** `refuse` is a kill switch: nothing ever leaves past the upstream. */
    whenUnreachable: z.enum(['refuse', 'direct']).default('refuse'),
    /** From the beginning of the dial to the upstream's first answer. */
    connectTimeout: duration.prefault('5s'),
    username: credential.optional(),
    password: credential.optional(),
    passwordFile: fileName.optional(),
    ...dialKeys,
  })
  .refine((value) => value.password === undefined || value.passwordFile === undefined, {
    path: ['passwordFile'],
    message: 'expected either password or passwordFile, found both',
  })
  .refine(
    (value) =>
      (value.username === undefined) === (value.password === undefined && value.passwordFile === undefined),
    {
      path: ['username'],
      message: 'expected username together with password or passwordFile, found one alone',
    },
  )

export const egress = z.strictObject({ transport: z.enum(['mptcp', 'tcp']).default('tcp'), ...dialKeys })

/** Which destinations go through the upstream; the others go straight, by `egress`. */
const upstreamFor = z
  .strictObject({
    policy: z.enum(['all', 'only', 'except']).default('all'),
    destinations: oneOrMore(destinationPattern).optional(),
  })
  .superRefine(({ policy, destinations }, context) => {
    if ((policy === 'all') === (destinations === undefined)) return
    context.addIssue({
      code: 'custom',
      path: ['destinations'],
      message:
        policy === 'all'
          ? 'expected none with policy: all, found some'
          : `expected destinations with policy: ${policy}, found none`,
    })
  })

/** Keys of services that go straight or through the next proxy. {@link checkWayOut} belongs to them. */
export const wayOutKeys = {
  egress: egress.prefault({}),
  upstream: upstream.optional(),
  upstreamFor: upstreamFor.optional(),
}

export function checkWayOut(
  value: { upstream?: unknown; upstreamFor?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (value.upstreamFor === undefined || value.upstream !== undefined) return
  context.addIssue({
    code: 'custom',
    path: ['upstreamFor'],
    message: 'expected an upstream beside upstreamFor, found none',
  })
}

export const serviceName = z
  .string()
  .regex(/^[\w.-]{1,40}$/, 'expected at most 40 letters, digits, _ . -')
  .optional()

export const serviceKeys = {
  name: serviceName,
  listen: oneOrMore(socketAddress),
  ...listenKeys,
  limits: z.strictObject(limitKeys).prefault({}),
  timeouts,
}

export type UpstreamConfig = z.output<typeof upstream>
export type EgressConfig = z.output<typeof egress>
export type UpstreamForConfig = z.output<typeof upstreamFor>
export type LimitsConfig = z.output<typeof userLimits>
export interface WayOutConfig {
  egress: EgressConfig
  upstream?: UpstreamConfig | undefined
  upstreamFor?: UpstreamForConfig | undefined
}
export type RuleConfig = z.output<typeof rule>
export type UsersConfig = z.output<typeof usersMap>
