/** A running host: kernel, data plane, services and status address put together, and taken down in order. */
import { defaultState } from '../../provisioning/engine-place.js'
import { Keepers } from '../../provisioning/keep/keepers.js'
import { KeptBy } from '../../provisioning/keep/kept-by.js'
import type { Runtime } from '../../proxy/runtime.js'
import { capacity } from '../../proxy/capacity.js'
import { passwordGuard } from '../../proxy/users/password-guard.js'
import { startService, wishOf, type RunningService } from '../../proxy/service.js'
import type { Config } from '../config/schema.js'
import { detectKernel } from '../kernel/detect.js'
import { descriptorLimit, descriptorsInUse } from '../descriptors.js'
import type { Logger } from '../log.js'
import { createMetrics } from '../metrics.js'
import { watchHeldMemory } from '../net/held-memory.js'
import { Relay } from '../net/relay.js'
import { watchTcpMemory } from '../net/tcp-memory.js'
import { hostStatus } from './host-status.js'
import { startStatusServer, type StatusServer } from './status-server.js'

export interface Host {
  readonly runtime: Runtime
  readonly services: readonly RunningService[]
  readonly status: StatusServer | undefined
  /** Closes listeners, aborts what is in progress, and resolves when every session has its record. */
  stop(): Promise<void>
}

export interface HostOptions {
  /** File of the `mptk keep` that keeps this host: nothing is kept from here then. */
  keptBy?: string | undefined
  /** Folder of the journal of `mptk apply`. */
  journal?: string | undefined
  /** How many log lines nothing took. */
  logDropped?: () => number
}

/** @throws {MptkError} with everything closed again */
export async function startHost(config: Config, log: Logger, options: HostOptions = {}): Promise<Host> {
  const kernel = detectKernel()
  const sessions: Runtime['sessions'] = new Set()
  const metrics = createMetrics(() => countSessions(sessions), options.logDropped ?? (() => 0))
  const names = serviceNames(config)
  const wishes = config.services.map((service, index) => wishOf(service, names[index] ?? service.type))
  const listeners = config.services.reduce((sum, { listen }) => sum + listen.length, 0)
  const inUse = descriptorsInUse() + listeners
  const { connections, splices, warning } = capacity(descriptorLimit(), inUse, wishes)
  if (warning !== undefined) log.warn(warning)
  const relay = new Relay(kernel, config.relay.threads, splices)
  const memory = watchTcpMemory((isShort) => tellOfMemory(isShort, relay, log))
  const held = watchHeldMemory(() => relay.running)
  const runtime: Runtime = {
    ...{ kernel, relay, log, metrics, sessions },
    passwords: passwordGuard(),
    listening: [],
    nat64: config.nat64 ?? [],
  }
  const services: RunningService[] = []
  let status: StatusServer | undefined
  let keepers: Keepers | KeptBy | undefined

  async function stop(): Promise<void> {
    await Promise.all(services.map((service) => service.stop()))
    keepers?.stop()
    memory.stop()
    held.stop()
    relay.stop()
    await status?.close()
  }

  try {
    // before the services: their first connections then find the paths
    keepers = keep(config, runtime, options)
    for (const [index, service] of config.services.entries()) {
      const name = names[index] ?? service.type
      const started = await startService(service, name, connections[index] ?? 1, runtime)
      services.push(started)
      runtime.listening.push(...started.listeners.map(({ address }) => ({ type: started.type, address })))
    }
    logWarnings(log, services)
    if (config.status !== undefined) {
      status = await startStatusServer(config.status, metrics.registry, () =>
        hostStatus(runtime, services, keepers?.status() ?? {}),
      )
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { runtime, services, status, stop }
}

function tellOfMemory(isShort: boolean, relay: Relay, log: Logger): void {
  relay.memoryShort(isShort)
  if (isShort)
    log.warn(
      'the kernel is short of memory for TCP (tcp_mem): sessions that stall end after timeouts.stalled',
    )
  else log.info('the kernel has memory for TCP again')
}

/** One line for each thing that is wrong, however many services it concerns. */
function logWarnings(log: Logger, services: readonly RunningService[]): void {
  for (const warning of new Set(services.flatMap(({ warnings }) => warnings))) {
    const names = services.filter(({ warnings }) => warnings.includes(warning)).map(({ name }) => name)
    log.warn({ service: names.join(', ') }, warning)
  }
}

/** @throws {SystemError} */
function keep(config: Config, runtime: Runtime, { keptBy, journal }: HostOptions): Keepers | KeptBy {
  if (keptBy !== undefined) return new KeptBy(keptBy, runtime)
  return new Keepers({ config, ...runtime, folder: journal ?? defaultState() })
}

/** A service's own name, else its type, numbered when that is taken. */
function serviceNames(config: Config): string[] {
  const names: string[] = []
  for (const { name, type } of config.services) {
    let unique = name ?? type
    for (let n = 2; names.includes(unique); n++) unique = `${name ?? type}-${n}`
    names.push(unique)
  }
  return names
}

function countSessions(sessions: Runtime['sessions']): [service: string, state: string, count: number][] {
  const counts = new Map<string, [string, string, number]>()
  for (const { service, state } of sessions) {
    const key = `${service} ${state}`
    const entry = counts.get(key) ?? [service, state, 0]
    entry[2]++
    counts.set(key, entry)
  }
  return [...counts.values()]
}
