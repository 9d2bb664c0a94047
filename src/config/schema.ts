/** The configuration file: every key, its default and its limits. Unknown keys are refused. */
import { z } from 'zod'
import { connect } from './connect.js'
import { host } from './host.js'
import { checkPorts } from './ports.js'
import { pathTest, type PathTestConfig } from './path-test.js'
import { reverseTcp } from './reverse-tcp.js'
import { socks5 } from './socks5.js'
import { transparent } from './transparent.js'
import { hostName, nat64Prefix, oneOrMore, socketAddress, wholeNumber } from './values.js'

export const service = z.discriminatedUnion('type', [socks5, connect, reverseTcp, transparent, pathTest])

const status = z.strictObject({
  listen: socketAddress,
  /** What else than an IP address or localhost it may be asked by. */
  names: z.array(hostName).optional(),
})

export const configSchema = z
  .strictObject({
    services: z.array(service).min(1, 'expected at least one service'),
    /** What the host itself shall be: `mptk plan` and `mptk apply` bring it about. */
    host: host.optional(),
    status: status.optional(),
    log: z
      .strictObject({
        level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
        format: z.enum(['auto', 'text', 'json']).default('auto'),
      })
      .prefault({}),
    relay: z.strictObject({ threads: wholeNumber(1, 64).optional() }).prefault({}),
    /** Prefixes behind which a translator of this network reaches IPv4. */
    nat64: oneOrMore(nat64Prefix).optional(),
  })
  .superRefine(checkPorts)

export type Config = z.output<typeof configSchema>
export type ServiceConfig = Config['services'][number]
/** Services that pass connections on. */
export type RelayingConfig = Exclude<ServiceConfig, PathTestConfig>
export type LogConfig = Config['log']
export type StatusConfig = NonNullable<Config['status']>
