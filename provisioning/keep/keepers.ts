/**
 * All that keeps a host as its configuration says while `mptk run` or `mptk keep` runs: the
 * settings of `mptk apply`, the uplinks that come and go, and subflows. Stopping leaves all as it is.
 */
import type { Config } from '../../src/config/schema.js'
import type { HostConfig } from '../../src/config/host.js'
import { mayConfigureNetwork } from '../../src/kernel/capability.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { Logger } from '../../src/log.js'
import type { Metrics } from '../../src/metrics.js'
import { RTNLGRP } from '../../src/paths/rtnetlink.js'
import { RtnetlinkListener } from '../../src/paths/rtnetlink-listener.js'
import { UplinkKeeper, type UplinkStatus } from '../uplinks/keeper.js'
import { uplinkNumbers } from '../uplinks/numbers.js'
import { SubflowKeeper, type SubflowKeeperStatus } from '../uplinks/subflow-keeper.js'
import { SubflowRestorer, type SubflowRestorerStatus } from '../uplinks/subflow-restorer.js'
import { Mending, type MendingStatus } from './mending.js'
import { SettingsKeeper, type SettingsKeeperStatus } from './settings-keeper.js'

export interface KeepersOptions {
  config: Config
  kernel: Kernel
  log: Logger
  metrics: Metrics
  /** Folder of the journal of `mptk apply`. */
  folder: string
}

/** What `/status` shows of them. */
export interface KeepersStatus {
  uplinks?: UplinkStatus[]
  ndiffports?: SubflowKeeperStatus
  subflows?: SubflowRestorerStatus
  kept?: SettingsKeeperStatus & MendingStatus & { since: string }
}

interface Running {
  listener: RtnetlinkListener
  mending: Mending
  settings: SettingsKeeper
  uplinks: UplinkKeeper | undefined
  subflows: SubflowRestorer | undefined
}

export class Keepers {
  readonly #since = new Date().toISOString()
  readonly #running: Running | undefined
  readonly #ndiffports: SubflowKeeper | undefined

  /** Brings the uplinks about at once. @throws {SystemError} when the kernel cannot be asked */
  constructor(options: KeepersOptions) {
    const { host } = options.config
    if (host === undefined) return
    const may = mayConfigureNetwork()
    if (!may) warn(host, options)
    this.#running = may ? startKeepers(host, options) : undefined
    try {
      this.#ndiffports = may ? keepSubflows(host, options) : undefined
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** Leaves the host as it is. */
  stop(): void {
    this.#ndiffports?.stop()
    if (this.#running !== undefined) stopKeepers(this.#running)
  }

  status(): KeepersStatus {
    if (this.#running === undefined) return {}
    const { uplinks, subflows, settings, mending } = this.#running
    return {
      ...(uplinks !== undefined && { uplinks: uplinks.status() }),
      ...(this.#ndiffports !== undefined && { ndiffports: this.#ndiffports.status() }),
      ...(subflows !== undefined && { subflows: subflows.status() }),
      kept: { since: this.#since, ...settings.status(), ...mending.status() },
    }
  }
}

const hasUplinks = ({ uplinks }: HostConfig): boolean => Object.keys(uplinks).length > 0

function warn(host: HostConfig, { kernel, log }: KeepersOptions): void {
  if (hasUplinks(host)) {
    log.warn('uplinks are not kept right while they come and go: this process lacks CAP_NET_ADMIN')
  }
  if (host.mptcp.pathManager === 'ndiffports' && kernel.flavour === 'upstream') {
    log.warn('ndiffports: connections get no further subflows: this process lacks CAP_NET_ADMIN')
  }
}

/** The settings first: what closes a way is among them. */
function startKeepers(host: HostConfig, options: KeepersOptions): Running {
  const { kernel, log, metrics, folder } = options
  const listener = new RtnetlinkListener(Object.values(RTNLGRP))
  const mending = new Mending({ log, metrics })
  const settings = new SettingsKeeper({ folder, kernel, log, mending, listener })
  const running: Running = { listener, mending, settings, uplinks: undefined, subflows: undefined }
  if (!hasUplinks(host)) return running
  try {
    running.subflows = restoreSubflows(host, options, running)
    running.uplinks = new UplinkKeeper({
      host,
      kernel,
      log,
      metrics,
      mending,
      listener,
      mayMend: () => settings.uplinksMayMend(),
      headless: () => running.subflows?.headless() ?? new Set(),
      onRemoved: (address) => running.subflows?.forgetAddress(address),
    })
  } catch (error) {
    stopKeepers(running)
    throw error
  }
  return running
}

function stopKeepers({ listener, settings, uplinks, subflows }: Running): void {
  uplinks?.stop()
  subflows?.stop()
  settings.stop()
  listener.close()
}

/** With endpoints that open subflows: elsewhere others look after them. */
function restoreSubflows(
  host: HostConfig,
  { kernel, log, metrics }: KeepersOptions,
  running: Running,
): SubflowRestorer | undefined {
  if (kernel.flavour !== 'upstream' || host.mptcp.pathManager !== 'fullmesh' || host.mptcp.announce) {
    return undefined
  }
  return new SubflowRestorer({
    kernel,
    log,
    metrics,
    endpoints: uplinkNumbers(host).endpoints,
    uplinkOf: (address) => running.uplinks?.uplinkOf(address),
  })
}

function keepSubflows(host: HostConfig, { kernel, log, metrics }: KeepersOptions): SubflowKeeper | undefined {
  if (host.mptcp.pathManager !== 'ndiffports' || kernel.flavour !== 'upstream') return undefined
  return new SubflowKeeper({ mptcp: host.mptcp, log, metrics })
}
