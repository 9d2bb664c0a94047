/** `mptk run --kept-by FILE`: shows in status, metrics and log what a keeper of its own process keeps. */
import type { Logger } from '../../src/log.js'
import type { Metrics } from '../../src/metrics.js'
import { uplinkLevel } from '../uplinks/state.js'
import { changedUplinks, growth, keeperState, keeperWords, type KeeperState } from './keeper-news.js'
import type { KeepersStatus } from './keepers.js'
import { machineClock, readKeepFile, type KeepFile } from './state-file.js'

const EVERY = 1000

export class KeptBy {
  readonly #file: string
  readonly #log: Logger
  readonly #metrics: Metrics
  readonly #timer: NodeJS.Timeout
  #state: KeeperState | undefined
  #last: KeepFile | undefined

  constructor(file: string, { log, metrics }: { log: Logger; metrics: Metrics }) {
    this.#file = file
    this.#log = log
    this.#metrics = metrics
    this.#look()
    this.#timer = setInterval(() => this.#look(), EVERY)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  status(): KeepersStatus & { keeper: KeeperState & { file: string } } {
    const found = this.#read()
    const keeper = { file: this.#file, ...keeperState(found, machineClock()) }
    return found instanceof Error ? { keeper } : { ...found.status, keeper }
  }

  #read(): KeepFile | Error {
    try {
      return readKeepFile(this.#file)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #look(): void {
    const found = this.#read()
    const state = keeperState(found, machineClock())
    const words = keeperWords(this.#state, state)
    this.#state = state
    if (words !== undefined) this.#log[state.state === 'keeps' ? 'info' : 'warn'](words)
    this.#metrics.keeperUp.set(state.state === 'keeps' ? 1 : 0)
    if (!(found instanceof Error)) this.#take(found)
  }

  #take(found: KeepFile): void {
    const before = this.#last?.pid === found.pid ? this.#last.status : undefined
    const uplinks = this.#last?.status.uplinks ?? []
    this.#last = found
    const { status } = found
    const metrics = this.#metrics
    for (const { uplink, first } of changedUplinks(uplinks, status.uplinks ?? [])) {
      const { name, role, state, addresses, gateways } = uplink
      metrics.uplinkUp.set({ uplink: name }, state === 'up' ? 1 : 0)
      if (!first) metrics.uplinkChanges.inc({ uplink: name })
      this.#log[uplinkLevel(state)](
        { uplink: name, role, state, addresses, gateways },
        `uplink ${name}: ${state}`,
      )
    }
    for (const [kind, by] of growth(before?.kept?.mended ?? {}, status.kept?.mended ?? {})) {
      metrics.mended.inc({ kind }, by)
    }
    for (const [uplink, by] of growth(before?.subflows?.reopened ?? {}, status.subflows?.reopened ?? {})) {
      metrics.subflowsReopened.inc({ uplink }, by)
    }
    if (status.ndiffports !== undefined) metrics.ndiffportsConnections.set(status.ndiffports.connections)
  }
}
