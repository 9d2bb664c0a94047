/** The library: MPTCP sockets with an honest verdict, and the services, for use from other programs. */
export { ERRORS, MptkError, isSystemError, type ErrorCode, type SystemError } from './errors.js'
export {
  formatAddress,
  parseDestination,
  parseSocketAddress,
  type Destination,
  type SocketAddress,
} from './address.js'
export { detectKernel } from './kernel/detect.js'
export type * from './kernel/kernel.js'
export { Connection } from './net/connection.js'
export { dial, type DialOptions } from './net/dial.js'
export { listen, type ListenOptions, type Listener } from './net/listen.js'
export { Relay, type ActiveRelay, type RelayOptions, type RelayResult } from './net/relay.js'
export { checkConfig, loadConfig } from './config/load.js'
export type { Config, ServiceConfig } from './config/schema.js'
export { startHost, type Host } from './cli/host.js'
