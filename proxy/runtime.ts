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
  /** Sessions in progress, for status. */
  sessions: Set<Session>
}
