/** Everything that one run of the client measured: what the reports are made from. */
import { cpuUsage } from 'node:process'
import type { Destination, SocketAddress } from '../../src/address.js'
import type { MptkError } from '../../src/errors.js'
import type { ConnectionInfo, SocketWish } from '../../src/kernel/kernel.js'
import type { LatencyResult } from './latency.js'
import type { CpuUse, Flow, FlowResult, IntervalReport, TestPlan } from './messages.js'
import type { Distribution } from '../../src/statistics.js'

export interface StreamRecord {
  id: number
  flow: Flow | 'latency'
  /** Descriptor number, iperf3's name for a stream. */
  socket: number
  local: SocketAddress
  remote: SocketAddress
  /** As it was when the test began. */
  connection: ConnectionInfo
}

/** One interval of one direction at our end, with what the kernel knew of each stream then. */
export interface OwnInterval {
  flow: Flow
  report: IntervalReport
  connections: ReadonlyMap<number, ConnectionInfo>
  /** With the first direction's intervals, when latency is measured. */
  latency?: Distribution | undefined
}

export interface ServerInterval {
  flow: Flow
  report: IntervalReport
}

export interface PerfRecord {
  plan: TestPlan
  /** What was asked for, as the command line has it. */
  target: Destination
  wish: SocketWish
  /** Milliseconds between requests. */
  latencyInterval: number
  startedAt: Date
  streams: StreamRecord[]
  intervals: OwnInterval[]
  serverIntervals: ServerInterval[]
  flows: Partial<Record<Flow, FlowResult>>
  /** Absent when the server could not give its result any more. */
  server?: { flows: Partial<Record<Flow, FlowResult>>; cpu: CpuUse }
  latency?: LatencyResult
  latencyConnection?: ConnectionInfo
  cpu?: CpuUse
  /** What this kernel could not grant of optional wishes. */
  warnings: string[]
  /** Why the test did not come to its end. */
  error?: MptkError
}

/** The processor time of this process from now on. */
export function cpuClock(): () => CpuUse {
  const before = cpuUsage()
  const started = performance.now()
  return () => {
    const { user, system } = cpuUsage(before)
    // microseconds per millisecond, as percent
    const percent = (time: number): number => time / 10 / Math.max(1, performance.now() - started)
    return { total: percent(user + system), user: percent(user), system: percent(system) }
  }
}
