/**
 * Keeps endpoints, rules and routing tables of the uplinks right while interfaces, addresses and
 * gateways come and go. The kernel's own path manager does not: subflows over a lost uplink wait
 * for timers, and closed ones are never made again.
 *
 * Whenever the kernel tells of a change, also of rules and routes that somebody else removes, what
 * is wanted is compared with what is there, and the steps between are taken before anything else
 * happens in this process. Of endpoints the kernel tells nothing: they are asked for every second.
 * Stopping leaves all as it is: `mptk apply` and `mptk revert` own it.
 */
import type { Logger } from '../../src/log.js'
import type { HostConfig, UplinkConfig, UplinkRole } from '../../src/config/host.js'
import { describeError } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { NetlinkMessage } from '../../src/kernel/netlink.js'
import type { Metrics } from '../../src/metrics.js'
import type { Interfaces, InterfaceState } from '../../src/paths/interfaces.js'
import { decodeRoute, decodeRule } from '../../src/paths/routing-codec.js'
import { RTM } from '../../src/paths/rtnetlink.js'
import type { RtnetlinkListener } from '../../src/paths/rtnetlink-listener.js'
import { UplinkWatcher } from '../../src/paths/uplink-watcher.js'
import type { Kept, Mending } from '../keep/mending.js'
import type { Resource } from '../resource.js'
import { settleTime } from './flapping.js'
import { describeStep, keptOf, perform, readNetwork } from './perform.js'
import { exitsOf, uplinkResources } from './resources.js'
import { uplinkLevel, uplinkState, type UplinkState } from './state.js'
import { endpointId, uplinkNumbers, type UplinkNumbers } from './numbers.js'
import { keyOf, stepsTo, type Step, type Steps } from './steps.js'
import { distinct, type Claims } from './twins.js'

/** When a step failed, all is looked at again after so long, ms; what the kernel refuses now it may take soon. */
const RETRY = { first: 200, most: 10_000 } as const
/** Connections that hold up an endpoint are asked for so often, ms. */
const RELOOK = 60_000
/** Endpoints are asked for so often, ms. */
const ENDPOINTS_EVERY = 1000
/** While nothing may be mended, as during a revert, ms. */
const LATER = 1000
/** Times of loss that are kept. */
const MEMORY = 16

export interface UplinkStatus {
  name: string
  role: UplinkRole
  state: UplinkState
  addresses: string[]
  gateways: string[]
  /** Ids of its MPTCP endpoints, as the kernel has them. */
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
  mending: Mending
  /** Whether what somebody has taken away may be set again now. */
  mayMend: () => boolean
  /** Has joined the groups of an UplinkWatcher, rules and routes. */
  listener: RtnetlinkListener
  /** Addresses of endpoints that connections use whose first subflow is gone. */
  headless?: () => ReadonlySet<string>
  /** The endpoint at this address was taken away. */
  onRemoved?: (address: string) => void
}

export class UplinkKeeper {
  readonly #options: KeeperOptions
  readonly #ours: UplinkNumbers
  readonly #uplinks: Uplink[]
  readonly #watcher: UplinkWatcher
  readonly #toldForeign = new Set<string>()
  /** Uplinks whose address is another's: told once while it is so. */
  readonly #toldTwins = new Map<string, string>()
  /** See {@link Left}. */
  readonly #left = new Set<string>()
  /** See {@link Steps.targets}: what was to be there after the last look; undefined before the first. */
  #held: ReadonlySet<string> | undefined
  /** What could not be set again. */
  readonly #failing = new Map<string, Kept>()
  /** As they were after the last look. */
  #endpoints = ''
  readonly #poll: NodeJS.Timeout
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
    this.#watcher = new UplinkWatcher(
      {
        onLook: (now) => this.#keep(now),
        onError: (error) => options.log.error(`uplinks cannot be watched: ${describeError(error)}`),
        concerns: (message) => this.#concerns(message),
      },
      options.listener,
    )
    this.#keep(this.#watcher.interfaces)
    this.#poll = setInterval(() => this.#askForEndpoints(), ENDPOINTS_EVERY)
  }

  /** Looks again now: something of which the kernel tells nothing has changed. */
  look(): void {
    this.#keep(this.#watcher.interfaces)
  }

  /** Name of the uplink whose endpoint has this address. */
  uplinkOf(address: string): string | undefined {
    return this.#uplinks.find(({ addresses }) => addresses.includes(address))?.name
  }

  /** Leaves the network as it is. */
  stop(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#poll)
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

  /** A rule or a route among our numbers: ours, taken away or added by somebody, or told of after we did. */
  #concerns(message: NetlinkMessage): boolean {
    const { newRule, delRule, newRoute, delRoute } = RTM
    if (message.type === newRule || message.type === delRule) {
      const rule = decodeRule(message)
      return rule !== undefined && this.#ours.priorities.has(rule.priority)
    }
    if (message.type !== newRoute && message.type !== delRoute) return false
    const route = decodeRoute(message)
    return route !== undefined && this.#ours.tables.has(route.table)
  }

  #askForEndpoints(): void {
    try {
      if (this.#listEndpoints() !== this.#endpoints) this.look()
    } catch (error) {
      this.#options.log.debug(`uplinks: ${describeError(error)}`)
    }
  }

  #listEndpoints(): string {
    return JSON.stringify(this.#options.kernel.endpoints())
  }

  #keep(interfaces: Interfaces): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waits: number[] = []
    const claims: Claims = new Map()
    const wanted = this.#uplinks.flatMap((uplink) => {
      const { resources, wait } = this.#wantedOf(uplink, interfaces, claims)
      if (wait > 0) waits.push(wait)
      return resources
    })
    const { done, reduced, later } = this.#make(wanted, interfaces)
    if (reduced) waits.push(RELOOK)
    if (later > 0) waits.push(later)
    if (!done) waits.push(this.#retry)
    this.#retry = done ? RETRY.first : Math.min(this.#retry * 2, RETRY.most)
    if (waits.length === 0) return
    this.#timer = setTimeout(() => this.#keep(this.#watcher.interfaces), Math.min(...waits))
  }

  /** What an uplink comes to now, and for how long yet it must prove itself. */
  #wantedOf(uplink: Uplink, interfaces: Interfaces, claims: Claims): { resources: Resource[]; wait: number } {
    const { name, config } = uplink
    const { facts, twin } = ownFacts(uplink, interfaces.get(name), claims)
    this.#tellTwin(name, twin)
    const [judged, now] = [uplinkState(config, facts), performance.now()]
    const nothingOwn = twin !== undefined && (judged === 'no address' || judged === 'no gateway')
    const state: UplinkState = nothingOwn ? `same address as ${twin.of}` : judged
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
    log[uplinkLevel(state)](
      { uplink: name, role: config.role, state, addresses, gateways },
      `uplink ${name}: ${state}`,
    )
  }

  #tellTwin(name: string, twin: { address: string; of: string } | undefined): void {
    const text = twin === undefined ? undefined : `${twin.address} ${twin.of}`
    if (this.#toldTwins.get(name) === text) return
    if (twin === undefined) {
      this.#toldTwins.delete(name)
      return
    }
    this.#toldTwins.set(name, `${twin.address} ${twin.of}`)
    this.#options.log.warn(
      `uplink ${name}: ${twin.address} is the address of ${twin.of} too, so it is not used here: have one of the two modems give out another network`,
    )
  }

  /**
   * `done`: all of it; `reduced`: see {@link Steps}; `later`: milliseconds until what somebody else
   * fights about is set again, 0 for nothing of that.
   */
  #make(
    wanted: readonly Resource[],
    interfaces: Interfaces,
  ): { done: boolean; reduced: boolean; later: number } {
    const { kernel, log, headless } = this.#options
    try {
      const network = { ...readNetwork(kernel), ...(headless !== undefined && { headless: headless() }) }
      for (const address of this.#left)
        if (network.sources?.has(address) === false) this.#left.delete(address)
      const found = stepsTo(wanted, network, this.#ours, this.#left, (name) => interfaces.get(name)?.index)
      for (const { id, address } of found.foreign) this.#tellForeign(id, address)
      const { done, later } = this.#take(found)
      this.#held = found.targets
      this.#countEndpoints()
      return { done, reduced: found.reduced, later }
    } catch (error) {
      log.error(`uplinks: the network cannot be read: ${describeError(error)}`)
      return { done: false, reduced: false, later: 0 }
    }
  }

  #take({ steps }: Steps): { done: boolean; later: number } {
    const { mending, mayMend } = this.#options
    const waits: number[] = []
    const errors = new Map<string, string>()
    const mended = new Map<string, Step>()
    const now = new Set(steps.map((step) => keptOf(step).id))
    for (const [id, kept] of this.#failing) {
      if (now.has(id)) continue
      mending.fine(kept)
      this.#failing.delete(id)
    }
    for (const step of steps) {
      const mends = this.#isMend(step)
      const kept = keptOf(step)
      const wait = !mends ? 0 : mayMend() ? mending.wait(kept) : LATER
      if (wait > 0) {
        waits.push(wait)
        continue
      }
      const error = this.#perform(step)
      if (error !== undefined) errors.set(kept.id, error)
      if (mends) mended.set(kept.id, step)
    }
    for (const [id, step] of mended) {
      const [kept, error] = [keptOf(step), errors.get(id)]
      if (error === undefined) mending.mended(kept, wasOf(step, steps))
      else {
        this.#failing.set(id, kept)
        mending.failed(kept, error)
      }
    }
    return { done: errors.size === 0, later: waits.length === 0 ? 0 : Math.min(...waits) }
  }

  /** What was there after the last look, and shall be, is not; or what was not is. */
  #isMend(step: Step): boolean {
    if (this.#held === undefined) return false
    // the kernel makes those by itself
    if (step.do === 'remove endpoint' && step.endpoint.flags.includes('implicit')) return false
    return this.#held.has(keyOf(step)) !== step.do.startsWith('remove')
  }

  /** A step that fails does not keep the others from being taken. @returns why it failed */
  #perform(step: Step): string | undefined {
    const { kernel, log, onRemoved } = this.#options
    try {
      perform(kernel, step)
      if (step.do === 'remove endpoint') {
        this.#left.add(step.endpoint.address)
        onRemoved?.(step.endpoint.address)
      }
      log.debug(`uplinks: ${describeStep(step)}`)
      return undefined
    } catch (error) {
      log.warn(`uplinks: ${describeError(error)}`)
      return describeError(error)
    }
  }

  /** As the kernel has them. */
  #countEndpoints(): void {
    const { kernel, host } = this.#options
    const there = kernel.endpoints()
    this.#endpoints = JSON.stringify(there)
    for (const uplink of this.#uplinks) {
      const own = ([4, 6] as const).map((family) => endpointId(host.numbers, uplink.index, family))
      uplink.endpoints = there.filter(({ id }) => own.includes(id)).map(({ id }) => id)
    }
  }

  #tellForeign(id: number, address: string): void {
    if (this.#toldForeign.has(address)) return
    this.#toldForeign.add(address)
    this.#options.log.warn(`endpoint ${id} ${address} was set by somebody else: it is left alone`)
  }
}

/** Without addresses of uplinks before it; those of one that is off or not there are nobody's. */
function ownFacts({ name, config }: Uplink, facts: InterfaceState | undefined, claims: Claims) {
  if (facts === undefined || config.role === 'off' || !facts.up || !facts.carrier) {
    return { facts, twin: undefined }
  }
  const { facts: own, twin } = distinct(name, facts, claims)
  return { facts: own, twin }
}

/** What was found in the place of what a step sets. */
function wasOf(step: Step, steps: readonly Step[]): string {
  if (step.do === 'change endpoint') return 'other flags'
  const { id } = keptOf(step)
  const removed = steps.some((each) => each.do.startsWith('remove') && keptOf(each).id === id)
  return removed ? 'another one' : 'nothing'
}
