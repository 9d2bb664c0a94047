import { formatAddress } from '../../src/address.js'
import type { ConnectionInfo, Kernel, Subflow } from '../../src/kernel/kernel.js'
import { getInt, SOL_TCP } from '../../src/kernel/options.js'
import type { Connection } from '../../src/net/connection.js'
import type { Sending } from './messages.js'

/** TCP_MAXSEG: bytes of payload in a segment, of the first subflow. */
const TCP_MAXSEG = 2

/**
 * Every subflow that a connection was seen with, with its last figures: the kernel forgets one
 * that has ended, and with it what it carried and retransmitted.
 */
export class SubflowHistory {
  readonly #kernel: Kernel
  readonly #connection: Connection
  readonly #seen = new Map<string, Subflow>()
  #alive: Subflow[] = []
  #last: ConnectionInfo

  constructor(kernel: Kernel, connection: Connection) {
    this.#kernel = kernel
    this.#connection = connection
    this.#last = { ...kernel.verdict(connection.fd, connection.origin), subflows: [] }
    this.read()
  }

  /** Asks the kernel. Tens of system calls for each subflow: for intervals, not for packets. */
  read(): void {
    let info: ConnectionInfo
    try {
      info = this.#kernel.connectionInfo(this.#connection.fd, this.#connection.origin)
    } catch {
      // the connection is gone: what was last known of it stands
      return
    }
    // an ended connection has lost its subflows, and after that its verdict
    if (info.subflows.length === 0) return
    this.#last = info
    this.#alive = info.subflows
    for (const subflow of info.subflows) {
      this.#seen.set(`${formatAddress(subflow.local)} ${formatAddress(subflow.remote)}`, subflow)
    }
  }

  /** As last read; subflows that are gone have state `close`. */
  get info(): ConnectionInfo {
    const subflows = [...this.#seen.values()].map((each) =>
      this.#alive.includes(each) ? each : { ...each, state: 'close' as const },
    )
    return { ...this.#last, subflows }
  }

  get sending(): Sending {
    const all = [...this.#seen.values()]
    const nearest = this.#alive.toSorted((a, b) => a.rtt - b.rtt)[0]
    const segments = this.#alive.reduce((sum, { congestionWindow }) => sum + congestionWindow, 0)
    const size = this.#segmentSize()
    return {
      retransmits: all.reduce((sum, { retransmissions }) => sum + retransmissions, 0),
      ...(size !== undefined && { window: segments * size }),
      rtt: Math.round((nearest?.rtt ?? 0) * 1000),
      rttVariation: Math.round((nearest?.rttVariation ?? 0) * 1000),
    }
  }

  #segmentSize(): number | undefined {
    try {
      return getInt(this.#connection.fd, SOL_TCP, TCP_MAXSEG)
    } catch {
      // MPTCP sockets answer this from 6.18 on
      return undefined
    }
  }
}
