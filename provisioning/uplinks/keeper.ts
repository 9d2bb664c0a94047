/**
 * Keeps endpoints, rules and routing tables of the uplinks right while interfaces, addresses and
 * gateways come and go. The kernel's own path manager does not: subflows over a lost uplink wait
 * for timers, and closed ones are never made again.
 *
 * Whenever the kernel tells of a change, what is wanted is compared with what is there, and the
 * steps between are taken before anything else happens in this process. Stopping leaves all as it
 * is: `mptk apply` and `mptk revert` own it.
 */
import type { Logger } from '../../src/log.js'
import type { HostConfig, UplinkConfig, UplinkRole } from '../../src/config/host.js'
import { describeError } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { Metrics } from '../../src/metrics.js'
import type { Interfaces } from '../../src/paths/interfaces.js'
import { UplinkWatcher } from '../../src/paths/uplink-watcher.js'
import type { Resource } from '../resource.js'
import { settleTime } from './flapping.js'
import { describeStep, perform, readNetwork } from './perform.js'
import { exitsOf, uplinkResources } from './resources.js'
import { uplinkState, type UplinkState } from './state.js'
import { uplinkNumbers, type UplinkNumbers } from './numbers.js'
import { stepsTo, type Step } from './steps.js'

/** When a step failed, all is looked at again after so long, ms; what the kernel refuses now it may take soon. */
const RETRY = { first: 200, most: 10_000 } as const
/** Connections that hold up an endpoint are asked for so often, ms. */
const RELOOK = 60_000
/** Times of loss that are kept. */
const MEMORY = 16

export interface UplinkStatus {
  name: string
  role: UplinkRole
  state: UplinkState
  addresses: string[]
  gateways: string[]
  /** Ids of its MPTCP endpoints. */
  endpoints: number[]
  /** Since when it is in this state. */
  since: string
}

interface Uplink {
  name: string
  /** Its place in `host.uplinks`. */
  index: number
  config: UplinkConfig
  state: UplinkState | undefined
  since: number
  /** On the monotonic clock, ms. */
  losses: number[]
  back: number
  addresses: string[]
  gateways: string[]
  endpoints: number[]
}

export interface KeeperOptions {
  host: HostConfig
  kernel: Kernel
  log: Logger
  metrics: Metrics
}

export class UplinkKeeper {
  readonly #options: KeeperOptions
  readonly #ours: UplinkNumbers
  readonly #uplinks: Uplink[]
  readonly #watcher: UplinkWatcher
  readonly #toldForeign = new Set<string>()
  /** See {@link Left}. */
  readonly #left = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #retry: number = RETRY.first

  /** Brings everything about at once. @throws {SystemError} when the kernel cannot be asked */
  constructor(options: KeeperOptions) {
    this.#options = options
    this.#ours = uplinkNumbers(options.host)
    this.#uplinks = Object.entries(options.host.uplinks).map(([name, config], index) => ({
      name,
      index,
      config,
      state: undefined,
      since: Date.now(),
      losses: [],
      back: -Infinity,
      addresses: [],
      gateways: [],
      endpoints: [],
    }))
    this.#watcher = new UplinkWatcher({
      onLook: (now) => this.#keep(now),
      onError: (error) => options.log.error(`uplinks cannot be watched: ${describeError(error)}`),
    })
    this.#keep(this.#watcher.interfaces)
  }

  /** Leaves the network as it is. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#watcher.close()
  }

  status(): UplinkStatus[] {
    return this.#uplinks.map(({ name, config, state, since, addresses, gateways, endpoints }) => ({
      name,
      role: config.role,
      state: state ?? 'no interface',
      addresses,
      gateways,
      endpoints,
      since: new Date(since).toISOString(),
    }))
  }

  #keep(interfaces: Interfaces): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waits: number[] = []
    const wanted = this.#uplinks.flatMap((uplink) => {
      const { resources, wait } = this.#wantedOf(uplink, interfaces)
      if (wait > 0) waits.push(wait)
      return resources
    })
    const { done, reduced } = this.#make(wanted, interfaces)
    if (reduced) waits.push(RELOOK)
    if (!done) waits.push(this.#retry)
    this.#retry = done ? RETRY.first : Math.min(this.#retry * 2, RETRY.most)
    if (waits.length === 0) return
    this.#timer = setTimeout(() => this.#keep(this.#watcher.interfaces), Math.min(...waits))
  }

  /** What an uplink comes to now, and for how long yet it must prove itself. */
  #wantedOf(uplink: Uplink, interfaces: Interfaces): { resources: Resource[]; wait: number } {
    const { name, config } = uplink
    const facts = interfaces.get(name)
    const [state, now] = [uplinkState(config, facts), performance.now()]
    const wasThere = uplink.state === 'up' || uplink.state === 'settling'
    if (wasThere && state !== 'up') uplink.losses = [...uplink.losses, now].slice(-MEMORY)
    if (!wasThere && state === 'up') uplink.back = now
    const wait = state !== 'up' || uplink.state === 'up' ? 0 : settleTime(uplink.losses, uplink.back, now)
    this.#enter(uplink, wait > 0 ? 'settling' : state, facts)
    if (wait > 0 || facts === undefined) return { resources: [], wait }
    const { host, kernel } = this.#options
    return { resources: uplinkResources(host, uplink, facts, kernel.flavour), wait }
  }

  /** For status, metrics and the log. */
  #enter(uplink: Uplink, state: UplinkState, facts: ReturnType<Interfaces['get']>): void {
    const { name, config } = uplink
    const exits = facts === undefined ? [] : exitsOf(config, facts)
    const addresses = facts?.addresses.map(({ address }) => address) ?? []
    const gateways = exits.flatMap(({ gateway }) => gateway ?? [])
    const same =
      uplink.state === state &&
      uplink.addresses.join() === addresses.join() &&
      uplink.gateways.join() === gateways.join()
    if (same) return
    const { log, metrics } = this.#options
    if (uplink.state !== undefined) metrics.uplinkChanges.inc({ uplink: name })
    if (uplink.state !== state) uplink.since = Date.now()
    Object.assign(uplink, { state, addresses, gateways })
    metrics.uplinkUp.set({ uplink: name }, state === 'up' ? 1 : 0)
    log.info({ uplink: name, role: config.role, state, addresses, gateways }, `uplink ${name}: ${state}`)
  }

  /** `done`: all of it; `reduced`: see {@link Steps}. */
  #make(wanted: readonly Resource[], interfaces: Interfaces): { done: boolean; reduced: boolean } {
    const { kernel, log } = this.#options
    try {
      const network = readNetwork(kernel)
      for (const address of this.#left)
        if (network.sources?.has(address) === false) this.#left.delete(address)
      const { steps, foreign, reduced } = stepsTo(
        wanted,
        network,
        this.#ours,
        this.#left,
        (name) => interfaces.get(name)?.index,
      )
      for (const { id, address } of foreign) this.#tellForeign(id, address)
      const done = steps.map((step) => this.#perform(step)).every(Boolean)
      this.#countEndpoints(wanted, new Set(foreign.map(({ address }) => address)))
      return { done, reduced }
    } catch (error) {
      log.error(`uplinks: the network cannot be read: ${describeError(error)}`)
      return { done: false, reduced: false }
    }
  }

  /** A step that fails does not keep the others from being taken. */
  #perform(step: Step): boolean {
    const { kernel, log } = this.#options
    try {
      perform(kernel, step)
      if (step.do === 'remove endpoint') this.#left.add(step.endpoint.address)
      log.debug(`uplinks: ${describeStep(step)}`)
      return true
    } catch (error) {
      log.warn(`uplinks: ${describeError(error)}`)
      return false
    }
  }

  #countEndpoints(wanted: readonly Resource[], foreign: ReadonlySet<string>): void {
    const endpoints = wanted.filter((each) => each.kind === 'endpoint')
    for (const uplink of this.#uplinks) {
      uplink.endpoints = endpoints
        .filter((each) => each.uplink === uplink.name && !foreign.has(each.address))
        .map(({ id }) => id)
    }
  }

  #tellForeign(id: number, address: string): void {
    if (this.#toldForeign.has(address)) return
    this.#toldForeign.add(address)
    this.#options.log.warn(`endpoint ${id} ${address} was set by somebody else: it is left alone`)
  }
}
