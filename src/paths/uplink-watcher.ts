/**
 * Tells when interfaces, their addresses and default routes change. The kernel's messages say
 * when to look; what is there is then read whole. So nothing depends on messages that are never
 * sent (routes that go with their interface or address), and an overrun costs nothing but a look.
 */
import { errnoName } from '../errors.js'
import { decodeMessages } from '../kernel/netlink.js'
import { native, type Watcher } from '../native.js'
import { readInterfaces, type Interfaces, type InterfaceState } from './interfaces.js'
import { decodeUplinkMessage, UPLINK_GROUPS } from './interface-codec.js'
import { NETLINK_ROUTE } from './rtnetlink.js'

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
}

/** In the network namespace this process is in. Keeps the process alive until closed. */
export class UplinkWatcher {
  readonly #fd: number
  readonly #watcher: Watcher
  readonly #observer: UplinkObserver
  #interfaces: Interfaces
  #closed = false

  /** Listens first and looks then, so that nothing falls between. @throws {SystemError} */
  constructor(observer: UplinkObserver) {
    this.#observer = observer
    this.#fd = native.netlinkListen(NETLINK_ROUTE, UPLINK_GROUPS)
    try {
      this.#interfaces = readInterfaces()
      this.#watcher = native.watch(this.#fd, () => this.#onReadable())
      this.#watcher.start({ readable: true, writable: false })
    } catch (error) {
      native.close(this.#fd)
      throw error
    }
  }

  /** As of the last look. */
  get interfaces(): Interfaces {
    return this.#interfaces
  }

  /** Final; nothing is called after it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watcher.close()
    native.close(this.#fd)
  }

  #onReadable(): void {
    try {
      // everything that waits is one occasion to look
      if (!this.#drain()) return
      const before = this.#interfaces
      this.#interfaces = readInterfaces()
      this.#observer.onLook(this.#interfaces, changesBetween(before, this.#interfaces))
    } catch (error) {
      this.#observer.onError(error)
    }
  }

  /** True when any of it was about uplinks, or some was lost. */
  #drain(): boolean {
    for (let relevant = false; ;) {
      try {
        const datagram = native.netlinkReceive(this.#fd)
        if (datagram === undefined) return relevant
        relevant ||= decodeMessages(datagram).some((message) => decodeUplinkMessage(message) !== undefined)
      } catch (error) {
        if (errnoName(error) !== 'ENOBUFS') throw error
        relevant = true
      }
    }
  }
}
