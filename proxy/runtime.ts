import type { SocketAddress } from '../src/address.js'
import type { ServiceConfig } from '../src/config/schema.js'
import type { Kernel } from '../src/kernel/kernel.js'
import type { Logger } from '../src/log.js'
import type { Metrics } from '../src/metrics.js'
import type { Relay } from '../src/net/relay.js'
import type { PasswordGuard } from './users/password-guard.js'
import type { Session } from './session.js'

/** What all services of a host share. */
export interface Runtime {
  kernel: Kernel
  relay: Relay
  log: Logger
  metrics: Metrics
  passwords: PasswordGuard
  /** Prefixes of the network's own translators to IPv4. */
  nat64: readonly string[]
  /** Sessions in progress, for status. */
  sessions: Set<Session>
  /** Where services listen, by type: for clients that came to the wrong one. */
  listening: { type: ServiceConfig['type']; address: SocketAddress }[]
}
