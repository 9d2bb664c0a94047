/** The configuration file: every key, its default and its limits. Unknown keys are refused. */
import { z } from 'zod'
import { isLoopback } from '../address.js'
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
const credential = z
  .string(A_CREDENTIAL)
  .refine((value) => value !== '' && Buffer.byteLength(value) <= 255, A_CREDENTIAL)

const A_HASH = 'expected a hash as mptk passwd prints it'
const passwordHash = z
  .string(A_HASH)
  .regex(/^scrypt\$\d{1,7}\$\d{1,2}\$\d{1,2}\$[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]+=*$/, A_HASH)

const userEntry = z
  .strictObject({ password: credential.optional(), passwordHash: passwordHash.optional() })
  .refine(
    (value) => (value.password === undefined) !== (value.passwordHash === undefined),
    'expected either password or passwordHash',
  )

export const usersMap = z.record(credential, userEntry)

const match = z.strictObject({
  /** Names (`example.org`, `*.example.org`, `*`) and prefixes (`10.0.0.0/8`). */
  destinations: oneOrMore(destinationPattern).optional(),
  ports: oneOrMore(portRange).optional(),
  users: oneOrMore(credential).optional(),
  sources: oneOrMore(prefix).optional(),
})

const rule = z
  .strictObject({ allow: match.optional(), deny: match.optional() })
  .refine(
    (value) => (value.allow === undefined) !== (value.deny === undefined),
    'expected either allow or deny: a rule each',
  )

const limits = z
  .strictObject({
    connections: wholeNumber(1, 1_000_000).default(32_768),
    perSource: wholeNumber(1, 1_000_000).default(16_384),
  })
  .prefault({})

const timeouts = z
  .strictObject({
    handshake: duration.prefault('10s'),
    dial: duration.prefault('30s'),
    idle: durationOrNone.prefault('1h'),
  })
  .prefault({})

const upstream = z
  .strictObject({
    type: z.literal('socks5'),
    address: destination,
    transport: z.enum(['mptcp', 'tcp']).default('mptcp'),
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

const egress = z.strictObject({ transport: z.enum(['mptcp', 'tcp']).default('tcp'), ...dialKeys })

const serviceKeys = {
  name: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'expected at most 40 letters, digits, _ . -')
    .optional(),
  listen: oneOrMore(socketAddress),
  ...listenKeys,
  limits,
  timeouts,
}

const socks5 = z
  .strictObject({
    type: z.literal('socks5'),
    ...serviceKeys,
    users: usersMap.optional(),
    usersFile: fileName.optional(),
    anonymous: z.boolean().default(false),
    rules: z.array(rule).default([]),
    egress: egress.prefault({}),
    upstream: upstream.optional(),
  })
  .superRefine((value, context) => {
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

const reverseTcp = z.strictObject({
  type: z.literal('reverse-tcp'),
  ...serviceKeys,
  target: destination,
  egress: egress.prefault({}),
})

export const service = z.discriminatedUnion('type', [socks5, reverseTcp])

export const configSchema = z.strictObject({
  services: z.array(service).min(1, 'expected at least one service'),
  status: z.strictObject({ listen: socketAddress }).optional(),
  log: z
    .strictObject({
      level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
      format: z.enum(['auto', 'text', 'json']).default('auto'),
    })
    .prefault({}),
  relay: z.strictObject({ threads: wholeNumber(1, 64).optional() }).prefault({}),
})

export type Config = z.output<typeof configSchema>
export type ServiceConfig = Config['services'][number]
export type Socks5Config = Extract<ServiceConfig, { type: 'socks5' }>
export type ReverseTcpConfig = Extract<ServiceConfig, { type: 'reverse-tcp' }>
export type UpstreamConfig = NonNullable<Socks5Config['upstream']>
export type EgressConfig = Socks5Config['egress']
export type RuleConfig = Socks5Config['rules'][number]
export type UsersConfig = z.output<typeof usersMap>
export type LogConfig = Config['log']
