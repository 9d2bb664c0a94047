import type { LabHost } from './lab-host.js'

export interface PathReading {
  name: string
  /** Bits received per second since the reading before. */
  rate: number
  /** Bytes received since the meter was started. */
  bytes: number
}

/** What arrives over one uplink of a lab host, by the interface's own counters. */
export class PathMeter {
  readonly address: string
  readonly #host: LabHost
  readonly #uplink: string
  #first = 0
  #last = { bytes: 0, at: 0 }

  constructor(host: LabHost, uplink: string) {
    this.#host = host
    this.#uplink = uplink
    this.address = host.address(uplink)
  }

  async start(): Promise<void> {
    const { rxBytes } = await this.#host.counters(this.#uplink)
    this.#first = rxBytes
    this.#last = { bytes: rxBytes, at: performance.now() }
  }

  async read(): Promise<PathReading> {
    const { rxBytes } = await this.#host.counters(this.#uplink)
    const now = performance.now()
    const seconds = Math.max(1e-3, (now - this.#last.at) / 1000)
    const rate = ((rxBytes - this.#last.bytes) * 8) / seconds
    this.#last = { bytes: rxBytes, at: now }
    return { name: this.#uplink, rate, bytes: rxBytes - this.#first }
  }
}
