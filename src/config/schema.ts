/** The configuration file: every key, its default and its limits. Unknown keys are refused. */
import { z } from 'zod'
import { isLoopback } from '../address.js'
import { dialKeys, listenKeys } from './socket.js'
import { destination, duration, oneOrMore, portRange, prefix, socketAddress } from './values.js'

/** RFC 1929 carries 1 to 255 bytes each of name and password. */
const credential = z
  .string()
  .refine((value) => value !== '' && Buffer.byteLength(value) <= 255, 'expected 1 to 255 bytes of text')

const passwordHash = z
  .string()
  .regex(/^scrypt\$\d+\$\d+\$\d+\$[\w+/=-]+\$[\w+/=-]+$/, 'expected a hash as `mptk passwd` prints it')

export const userEntry = z.union([z.strictObject({ password: credential }), z.strictObject({ passwordHash })])

export const usersMap = z.record(credential, userEntry)

const match = z.strictObject({
  /** Names (`example.org`, `*.example.org`, `*`) and prefixes (`10.0.0.0/8`). */
  destinations: oneOrMore(z.string().min(1)).optional(),
  ports: oneOrMore(portRange).optional(),
  users: oneOrMore(credential).optional(),
  sources: oneOrMore(prefix).optional(),
})

const rule = z.union([z.strictObject({ allow: match }), z.strictObject({ deny: match })])

const limits = z
  .strictObject({
    connections: z.int().min(1).max(1_000_000).default(32_768),
    perSource: z.int().min(1).max(1_000_000).default(16_384),
  })
  .prefault({})

const timeouts = z
  .strictObject({
    handshake: duration.default(10_000),
    dial: duration.default(30_000),
    idle: duration.default(3_600_000),
  })
  .prefault({})

const upstream = z
  .strictObject({
    type: z.literal('socks5'),
    address: destination,
    transport: z.enum(['mptcp', 'tcp']).default('mptcp'),
    username: credential.optional(),
    password: credential.optional(),
    passwordFile: z.string().min(1).optional(),
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
    usersFile: z.string().min(1).optional(),
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
  relay: z.strictObject({ threads: z.int().min(1).max(64).optional() }).prefault({}),
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
