/**
 * Keeps what `mptk apply` has set here as it was set: rules, routing tables, endpoints, limits,
 * nftables tables, sysctls. Where the kernel tells of changes they are undone at once, the rest is
 * looked at every second. Nothing is done where nothing is applied, nor while an apply or a revert
 * is at work. What is of uplinks that come and go is the uplink keeper's.
 */
import { describeError } from '../../src/errors.js'
import { localRunner } from '../../src/exec.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { NetlinkMessage } from '../../src/kernel/netlink.js'
import { hasTable, NftablesListener, type TableName } from '../../src/kernel/nftables.js'
import { readProc } from '../../src/kernel/sysctl.js'
import type { Logger } from '../../src/log.js'
import { readInterfaces } from '../../src/paths/interfaces.js'
import { decodeRoute, decodeRule } from '../../src/paths/routing-codec.js'
import { RTM } from '../../src/paths/rtnetlink.js'
import type { RtnetlinkListener } from '../../src/paths/rtnetlink-listener.js'
import { listRoutes, listRules } from '../../src/paths/routing.js'
import { driverOf } from '../driver-of.js'
import type { Json, Place } from '../linux/driver.js'
import { DRIVERS } from '../linux/drivers.js'
import { pathOf } from '../linux/sysctl.js'
import { resourceId, type NftTableResource, type Resource } from '../resource.js'
import { keptOf, perform } from '../uplinks/perform.js'
import { stepsTo, type Step } from '../uplinks/steps.js'
import { AppliedState, type Applied } from './applied.js'
import { closingFirst, keptNetwork, keptResource, type KeptNetwork } from './kept-network.js'
import type { Kept, Mending } from './mending.js'
import { MendCommands } from './mend-commands.js'

/** What the kernel tells nothing of is looked at so often, ms. */
const EVERY = 1000
/** Every so many times all is looked at, also what takes commands to look at. */
const WHOLE = 10

export interface SettingsKeeperOptions {
  /** Folder of the journal. */
  folder: string
  kernel: Kernel
  log: Logger
  mending: Mending
  /** Has joined the groups of rules, routes and interface settings. */
  listener: RtnetlinkListener
}

export interface SettingsKeeperStatus {
  state: Applied['state']
  /** How many are kept. */
  resources: number
  /** Why the journal cannot be read. */
  why?: string
}

interface Promised {
  network: KeptNetwork
  tables: NftTableResource[]
  /** Read without a command. */
  quick: Extract<Resource, { kind: 'sysctl' | 'limits' }>[]
  others: Resource[]
}

const NOTHING: Promised = { network: keptNetwork([]), tables: [], quick: [], others: [] }

export class SettingsKeeper {
  readonly #options: SettingsKeeperOptions
  readonly #applied: AppliedState
  readonly #place: Place
  readonly #commands: MendCommands
  readonly #tick: NodeJS.Timeout
  #status: SettingsKeeperStatus = { state: 'nothing applied', resources: 0 }
  #resources: readonly Resource[] = []
  #promised = NOTHING
  #wasApplied = false
  #nftables: NftablesListener | undefined
  #retry: NodeJS.Timeout | undefined
  #ticks = 0
  #reading = false
  #stopped = false

  constructor(options: SettingsKeeperOptions) {
    const { folder, listener, mending, log } = options
    this.#options = options
    this.#applied = new AppliedState(folder, localRunner)
    this.#place = { runner: localRunner, systemd: false, state: folder }
    this.#commands = new MendCommands({
      folder,
      mending,
      mayMend: () => this.#mayMend(),
      onTable: (table) => {
        this.#nftables?.skip()
        // taken away again meanwhile
        if (!this.#isThere(table)) this.#commands.add(table, null, 'nothing')
      },
    })
    listener.observe({
      onMessages: (messages, lost) => this.#onMessages(messages, lost),
      onError: (error) => log.error(`settings cannot be watched: ${describeError(error)}`),
    })
    this.#tick = setInterval(() => this.#onTick(), EVERY)
    this.#reload()
  }

  /** Leaves all as it is. */
  stop(): void {
    this.#stopped = true
    this.#commands.stop()
    clearInterval(this.#tick)
    clearTimeout(this.#retry)
    this.#nftables?.close()
  }

  status(): SettingsKeeperStatus {
    return this.#status
  }

  /**
   * Whether what uplinks have may be set again when somebody has taken it away: not while an apply
   * or a revert is at work, and not after a revert.
   */
  uplinksMayMend(): boolean {
    const { state } = this.#status
    if (!this.#applied.unchanged() || state === 'apply or revert at work') return false
    return state !== 'nothing applied' || !this.#wasApplied
  }

  /** Right before anything is changed: an apply or a revert may have begun a moment ago. */
  #mayMend(): boolean {
    return !this.#stopped && this.#status.state === 'applied' && this.#applied.unchanged()
  }

  #onTick(): void {
    this.#ticks++
    if (!this.#applied.unchanged()) {
      this.#reload()
      return
    }
    if (this.#status.state !== 'applied') return
    this.#lookAtQuick()
    if (this.#ticks % WHOLE === 0) this.#lookAtAll()
    else if (this.#promised.network.ours.endpoints.size > 0) this.#lookAtNetwork()
  }

  #reload(): void {
    if (this.#reading) return
    this.#reading = true
    this.#read()
      .catch((error: unknown) => {
        this.#options.log.error(`what is applied cannot be read: ${describeError(error)}`)
      })
      .finally(() => {
        this.#reading = false
      })
  }

  async #read(): Promise<void> {
    const before = this.#status
    const found = await this.#applied.read()
    if (this.#stopped) return
    const resources = found.state === 'applied' ? found.resources : []
    const why = found.state === 'unreadable' ? { why: found.why } : {}
    this.#status = { state: found.state, resources: resources.length, ...why }
    for (const each of this.#resources) this.#options.mending.fine(keptResource(each))
    this.#resources = resources
    this.#promised = promised(resources)
    this.#wasApplied ||= found.state === 'applied'
    if (before.state !== found.state) {
      const { log } = this.#options
      const text = `settings of mptk apply: ${found.state === 'applied' ? `${resources.length} are kept` : found.state}`
      log[found.state === 'unreadable' ? 'warn' : 'info'](why, text)
    }
    this.#listen()
    if (found.state !== 'applied') return
    this.#lookAtAll()
    await this.#probe(this.#promised.tables)
  }

  /** Where there is a table of ours to listen for. */
  #listen(): void {
    const { log } = this.#options
    if (this.#promised.tables.length === 0) {
      this.#nftables?.close()
      this.#nftables = undefined
      return
    }
    try {
      this.#nftables ??= new NftablesListener({
        onChange: (tables, lost) => this.#onTables(tables, lost),
        onError: (error) => log.error(`nftables cannot be watched: ${describeError(error)}`),
      })
    } catch (error) {
      log.error(`nftables cannot be watched: ${describeError(error)}`)
    }
  }

  #onMessages(messages: readonly NetlinkMessage[], lost: boolean): void {
    if (this.#status.state !== 'applied') return
    if (lost || messages.some((message) => this.#concerns(message))) this.#lookAtNetwork()
    if (lost || messages.some(({ type }) => type === RTM.newNetconf)) this.#lookAtQuick()
  }

  #concerns(message: NetlinkMessage): boolean {
    const { priorities, tables } = this.#promised.network.ours
    switch (message.type) {
      case RTM.newRule:
      case RTM.delRule:
        return priorities.has(decodeRule(message)?.priority ?? -1)
      case RTM.newRoute:
      case RTM.delRoute:
        return tables.has(decodeRoute(message)?.table ?? -1)
      // routes go with their interface and are not told of
      case RTM.newLink:
      case RTM.delLink:
        return tables.size > 0
      default:
        return false
    }
  }

  #lookAtAll(): void {
    this.#lookAtNetwork()
    const missing = this.#promised.tables.filter((each) => !this.#isThere(each))
    for (const each of missing) this.#commands.add(each, null, 'nothing')
    this.#lookAtQuick()
    this.#probe(this.#promised.others).catch((error: unknown) => {
      this.#options.log.warn(`settings cannot be looked at: ${describeError(error)}`)
    })
  }

  #lookAtNetwork(): void {
    const { kernel, mending, log } = this.#options
    const { resources, ours } = this.#promised.network
    if (resources.length === 0) return
    try {
      const now = {
        endpoints: ours.endpoints.size === 0 ? [] : kernel.endpoints(),
        rules: listRules(),
        routes: ours.tables.size === 0 ? [] : listRoutes(),
        sources: new Set<string>(),
      }
      const interfaces = ours.tables.size === 0 ? undefined : readInterfaces()
      const { steps } = stepsTo(resources, now, ours, new Set(), (name) => interfaces?.get(name)?.index)
      const differing = new Set(steps.map((step) => keptOf(step).id))
      for (const each of resources) if (!differing.has(resourceId(each))) mending.fine(keptResource(each))
      if (steps.length > 0) this.#take(closingFirst(steps))
    } catch (error) {
      log.error(`rules and routes cannot be read: ${describeError(error)}`)
    }
  }

  #take(steps: readonly Step[]): void {
    const { kernel, mending } = this.#options
    const told = new Map<string, { kept: Kept; error?: string }>()
    const waits: number[] = []
    for (const step of steps) {
      const kept = keptOf(step)
      const wait = mending.wait(kept)
      if (wait > 0) {
        waits.push(wait)
        continue
      }
      // whoever has begun an apply or a revert: all is looked at once it has ended
      if (!this.#mayMend()) return
      const entry = told.get(kept.id) ?? { kept }
      told.set(kept.id, entry)
      try {
        perform(kernel, step)
      } catch (error) {
        entry.error = describeError(error)
      }
    }
    for (const { kept, error } of told.values()) {
      if (error === undefined) mending.mended(kept, 'nothing, or another one')
      else waits.push(mending.failed(kept, error))
    }
    this.#again(waits)
  }

  #again(waits: readonly number[]): void {
    if (waits.length === 0) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#lookAtNetwork(), Math.min(...waits))
  }

  /** Also one that was not wholly taken away: whatever of it was changed, it is written anew. */
  #onTables(tables: readonly TableName[], lost: boolean): void {
    if (this.#status.state !== 'applied') return
    for (const each of this.#promised.tables) {
      const named = tables.some(({ family, table }) => family === each.family && table === each.table)
      if (!named && !lost) continue
      // of our own doing
      if (this.#commands.isAt(each)) continue
      const there = this.#isThere(each)
      if (named || !there) this.#commands.add(each, null, there ? 'another one' : 'nothing')
    }
  }

  #isThere(table: NftTableResource): boolean {
    try {
      return hasTable(table)
    } catch (error) {
      this.#options.log.debug(`nftables: ${describeError(error)}`)
      return true
    }
  }

  #lookAtQuick(): void {
    const { kernel, mending } = this.#options
    for (const resource of this.#promised.quick) {
      const state = resource.kind === 'sysctl' ? sysctlNow(resource.name) : (kernel.limits() ?? null)
      // an interface that is not there has no settings
      if (state === null) continue
      const driver = driverOf(DRIVERS, resource)
      const json = { ...state } as Json
      if (driver.satisfied(json, resource)) mending.fine(keptResource(resource))
      else this.#commands.add(resource, json, driver.describe(json, resource).from)
    }
  }

  /** By their drivers' commands. */
  async #probe(resources: readonly Resource[]): Promise<void> {
    for (const resource of resources) {
      const driver = driverOf(DRIVERS, resource)
      const state = await driver.probe(this.#place, resource)
      if (!this.#mayMend()) return
      if (driver.satisfied(state, resource)) this.#options.mending.fine(keptResource(resource))
      else this.#commands.add(resource, state, driver.describe(state, resource).from)
    }
  }
}

function promised(resources: readonly Resource[]): Promised {
  const of = <Kind extends Resource['kind']>(...kinds: Kind[]) =>
    resources.filter((each): each is Extract<Resource, { kind: Kind }> =>
      (kinds as Resource['kind'][]).includes(each.kind),
    )
  return {
    network: keptNetwork(resources),
    tables: of('nft-table'),
    quick: of('sysctl', 'limits'),
    others: of('address', 'tun', 'multipath-flag'),
  }
}

function sysctlNow(name: string): Record<string, string> | null {
  const value = readProc(pathOf(name))?.trim()
  return value === undefined ? null : { [name]: value }
}
