/**
 * One socket for all that rtnetlink tells: whoever listens is called in the order in which they
 * asked, so that what closes a way comes before what opens one.
 */
import { errnoName } from '../errors.js'
import { decodeMessages, type NetlinkMessage } from '../kernel/netlink.js'
import { native, type Watcher } from '../native.js'
import { NETLINK_ROUTE } from './rtnetlink.js'

export interface RtnetlinkObserver {
  /** Everything that waited. `lost`: more came than the socket holds, so anything may have changed. */
  onMessages(messages: readonly NetlinkMessage[], lost: boolean): void
  /** A message could not be read, or an observer failed; the listener goes on. */
  onError(error: unknown): void
}

/** In the network namespace this process is in. Keeps the process alive until closed. */
export class RtnetlinkListener {
  readonly #fd: number
  readonly #watcher: Watcher
  readonly #observers: RtnetlinkObserver[] = []
  #closed = false

  /** @param groups see RTNLGRP @throws {SystemError} */
  constructor(groups: readonly number[]) {
    this.#fd = native.netlinkListen(NETLINK_ROUTE, groups)
    try {
      this.#watcher = native.watch(this.#fd, () => this.#onReadable())
      this.#watcher.start({ readable: true, writable: false })
    } catch (error) {
      native.close(this.#fd)
      throw error
    }
  }

  observe(observer: RtnetlinkObserver): void {
    this.#observers.push(observer)
  }

  /** Final; nothing is called after it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watcher.close()
    native.close(this.#fd)
  }

  #onReadable(): void {
    const messages: NetlinkMessage[] = []
    let lost = false
    try {
      lost = this.#drain(messages)
    } catch (error) {
      for (const observer of this.#observers) observer.onError(error)
    }
    if (messages.length === 0 && !lost) return
    for (const observer of this.#observers) {
      // an observer may close this
      if (this.#closed) return
      try {
        observer.onMessages(messages, lost)
      } catch (error) {
        observer.onError(error)
      }
    }
  }

  /** True when some was lost. */
  #drain(into: NetlinkMessage[]): boolean {
    for (let lost = false; ;) {
      try {
        const datagram = native.netlinkReceive(this.#fd)
        if (datagram === undefined) return lost
        into.push(...decodeMessages(datagram))
      } catch (error) {
        if (errnoName(error) !== 'ENOBUFS') throw error
        lost = true
      }
    }
  }
}
