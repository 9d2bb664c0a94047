/**
 * Opens lost subflows of the uplinks' endpoints again (lost-subflows.ts decides which and when), of
 * every MPTCP connection that is opened in this network namespace, also by others. Stopping leaves
 * all subflows as they are.
 */
import { describeError } from '../../src/errors.js'
import type { Endpoint, Kernel } from '../../src/kernel/kernel.js'
import { PathManagerListener, type PathManagerEvent } from '../../src/kernel/path-manager-events.js'
import { mptcpSources } from '../../src/kernel/sock-diag.js'
import type { Logger } from '../../src/log.js'
import type { Metrics } from '../../src/metrics.js'
import { BACKOFF, LostSubflows, type Renewal } from './lost-subflows.js'

export interface SubflowRestorerOptions {
  kernel: Kernel
  log: Logger
  metrics: Metrics
  /** Ids of endpoints that are ours. */
  endpoints: ReadonlySet<number>
  /** Name of the uplink with this address. */
  uplinkOf: (address: string) => string | undefined
}

export interface SubflowRestorerStatus {
  /** Lost by an error and not there again yet, of connections that live. */
  lost: number
  /** Since the start, by uplink. */
  reopened: Record<string, number>
}

export class SubflowRestorer {
  readonly #options: SubflowRestorerOptions
  readonly #plan = new LostSubflows()
  readonly #listener: PathManagerListener
  #timer: NodeJS.Timeout | undefined
  readonly #reopened = new Map<string, number>()

  /** @throws {SystemError} EPERM without CAP_NET_ADMIN @throws {MptkError} MPTK_KERNEL_UNSUPPORTED */
  constructor(options: SubflowRestorerOptions) {
    this.#options = options
    this.#listener = new PathManagerListener({
      onEvent: (event) => this.#take(event),
      // which connections live, and on what, is not known any more
      onLost: () => this.#plan.clear(),
      onError: (error) => options.log.error(`subflows: an event cannot be read: ${describeError(error)}`),
    })
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#listener.close()
  }

  status(): SubflowRestorerStatus {
    return { lost: this.#plan.missing, reopened: Object.fromEntries(this.#reopened) }
  }

  headless(): ReadonlySet<string> {
    return this.#plan.headless()
  }

  /** The endpoint at this address was taken away. */
  forgetAddress(address: string): void {
    this.#plan.forgetAddress(address)
  }

  #take(event: PathManagerEvent): void {
    if (this.#plan.take(event, performance.now()) && 'local' in event) {
      const uplink = this.#options.uplinkOf(event.local.address) ?? ''
      this.#reopened.set(uplink, (this.#reopened.get(uplink) ?? 0) + 1)
      this.#options.metrics.subflowsReopened.inc({ uplink })
    }
    if (event.kind === 'subflow-closed' && event.error !== 0) {
      this.#timer ??= setTimeout(() => this.#look(), BACKOFF.first)
    }
  }

  #look(): void {
    this.#timer = undefined
    try {
      const ours = new Map(this.#renewable().map((endpoint) => [endpoint.address, endpoint]))
      const addresses = new Set(ours.keys())
      for (const renewal of this.#plan.due(addresses, performance.now())) {
        const endpoint = ours.get(renewal.address)
        if (endpoint !== undefined) this.#renew(endpoint, renewal)
      }
      const wait = this.#plan.next(addresses, performance.now())
      if (wait !== undefined) this.#timer = setTimeout(() => this.#look(), wait)
    } catch (error) {
      this.#options.log.warn(`subflows: ${describeError(error)}`)
    }
  }

  /** Those that open subflows; fullmesh cannot be changed beside signal, and then it is for the peer to open them. */
  #renewable(): Endpoint[] {
    const { kernel, endpoints } = this.#options
    return kernel
      .endpoints()
      .filter(({ id, flags }) => endpoints.has(id) && flags.includes('subflow') && !flags.includes('signal'))
  }

  /**
   * Both ways of changing `fullmesh` open all subflows anew. It must be off in the end where a
   * connection has lost, or loses by this, its first subflow (see stepsOfEndpoints).
   */
  #renew({ id, address, flags }: Endpoint, { lost, disturbed, headless }: Renewal): void {
    const { kernel, log, uplinkOf } = this.#options
    const uplink = uplinkOf(address) ?? address
    const without = flags.filter((flag) => flag !== 'fullmesh')
    const withIt = [...without, 'fullmesh' as const]
    const plain = headless || mptcpSources()?.has(address) !== false
    const steps = flags.includes('fullmesh')
      ? [without, ...(plain ? [] : [withIt])]
      : [withIt, ...(plain ? [without] : [])]
    for (const each of steps) kernel.setEndpointFlags({ id, flags: each })
    log.info(
      { uplink, lost, disturbed },
      `uplink ${uplink}: ${lost} lost subflows are opened again${disturbed === 0 ? '' : `, ${disturbed} living ones anew with them`}`,
    )
  }
}
