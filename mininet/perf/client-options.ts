/** What one test of `mptk perf` is run with, and who hears of it meanwhile. */
import type { Destination } from '../../src/address.js'
import type { Kernel, SocketWish } from '../../src/kernel/kernel.js'
import type { Connection } from '../../src/net/connection.js'
import type { TestPlan } from './messages.js'
import type { OwnInterval, PerfRecord, ServerInterval } from './record.js'

export interface PerfObserver {
  connected?(record: PerfRecord): void
  interval?(interval: OwnInterval): void
  /** The same at the server; it comes as late as the path makes it. */
  serverInterval?(interval: ServerInterval): void
}

export interface PerfClientOptions {
  plan: TestPlan
  target: Destination
  kernel: Kernel
  /** What the connections are opened with. */
  wish: SocketWish
  /** Opens one connection to the server, however that is reached. */
  connect(signal: AbortSignal): Promise<Connection>
  /** Milliseconds from one latency request to the next. */
  latencyInterval: number
  /** Ends the test before its time; what was measured by then is in the record. */
  signal: AbortSignal
  observer?: PerfObserver
}
