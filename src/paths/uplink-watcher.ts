/**
 * Tells when interfaces, their addresses and default routes change. The kernel's messages say
 * when to look; what is there is then read whole. So nothing depends on messages that are never
 * sent (routes that go with their interface or address), and an overrun costs nothing but a look.
 */
import type { NetlinkMessage } from '../kernel/netlink.js'
import { readInterfaces, type Interfaces, type InterfaceState } from './interfaces.js'
import { decodeUplinkMessage } from './interface-codec.js'
import { RTNLGRP } from './rtnetlink.js'
import { RtnetlinkListener } from './rtnetlink-listener.js'

const { link, address4, route4, address6, route6 } = RTNLGRP
/** What a listener for uplinks must have joined. */
export const UPLINK_GROUPS: readonly number[] = [link, address4, route4, address6, route6]

export type UplinkChange =
  | { kind: 'appeared' | 'gone' | 'up' | 'down' | 'carrier' | 'no-carrier'; name: string }
  | { kind: 'address' | 'address-gone'; name: string; address: string }
  | { kind: 'gateway'; name: string; family: 4 | 6; gateway: string | null }
  | { kind: 'gateway-gone'; name: string; family: 4 | 6 }

/** Pure. */
export function changesBetween(before: Interfaces, after: Interfaces): UplinkChange[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].flatMap((name) => changesOf(name, before.get(name), after.get(name)))
}

function changesOf(name: string, old?: InterfaceState, now?: InterfaceState): UplinkChange[] {
  if (now === undefined) return [{ kind: 'gone', name }]
  const changes: UplinkChange[] = []
  if (old?.index !== now.index) changes.push({ kind: 'appeared', name })
  if ((old?.up ?? false) !== now.up) changes.push({ kind: now.up ? 'up' : 'down', name })
  if ((old?.carrier ?? false) !== now.carrier) {
    changes.push({ kind: now.carrier ? 'carrier' : 'no-carrier', name })
  }
  const [had, has] = [old, now].map((each) => new Set(each?.addresses.map(({ address }) => address)))
  for (const address of had ?? [])
    if (has?.has(address) !== true) changes.push({ kind: 'address-gone', name, address })
  for (const address of has ?? [])
    if (had?.has(address) !== true) changes.push({ kind: 'address', name, address })
  for (const family of [4, 6] as const) {
    const gateway = now.gateways[family]
    if (old?.gateways[family] === gateway) continue
    changes.push(
      gateway === undefined
        ? { kind: 'gateway-gone', name, family }
        : { kind: 'gateway', name, family, gateway },
    )
  }
  return changes
}

export interface UplinkObserver {
  /**
   * Called when any of the kernel's messages may concern an uplink, also when nothing changed
   * between the two looks: an interface that went down and up in between has lost its routes.
   */
  onLook(now: Interfaces, changes: readonly UplinkChange[]): void
  /** Reading failed; the watcher goes on. */
  onError(error: unknown): void
  /** True for further messages that are an occasion to look. */
  concerns?(message: NetlinkMessage): boolean
}

/** In the network namespace this process is in. Keeps the process alive until closed. */
export class UplinkWatcher {
  readonly #own: RtnetlinkListener | undefined
  readonly #observer: UplinkObserver
  #interfaces: Interfaces
  #closed = false

  /**
   * Listens first and looks then, so that nothing falls between.
   * @param listener shared with others, who have joined {@link UPLINK_GROUPS} with it; one of its own unless given
   * @throws {SystemError}
   */
  constructor(observer: UplinkObserver, listener?: RtnetlinkListener) {
    this.#observer = observer
    this.#own = listener === undefined ? new RtnetlinkListener(UPLINK_GROUPS) : undefined
    try {
      this.#interfaces = readInterfaces()
    } catch (error) {
      this.#own?.close()
      throw error
    }
    const from = listener ?? this.#own
    from?.observe({
      onMessages: (messages, lost) => this.#onMessages(messages, lost),
      onError: (error) => observer.onError(error),
    })
  }

  /** As of the last look. */
  get interfaces(): Interfaces {
    return this.#interfaces
  }

  /** Final; nothing is called after it. */
  close(): void {
    this.#closed = true
    this.#own?.close()
  }

  #onMessages(messages: readonly NetlinkMessage[], lost: boolean): void {
    if (this.#closed) return
    // everything that waits is one occasion to look
    const relevant = messages.some(
      (message) => decodeUplinkMessage(message) !== undefined || this.#observer.concerns?.(message) === true,
    )
    if (!relevant && !lost) return
    const before = this.#interfaces
    this.#interfaces = readInterfaces()
    this.#observer.onLook(this.#interfaces, changesBetween(before, this.#interfaces))
  }
}
