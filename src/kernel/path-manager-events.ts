/**
 * What the kernel tells of MPTCP connections as they come, gain and lose subflows, and go: the
 * multicast group of the path manager's family. Numbers: include/uapi/linux/mptcp_pm.h.
 */
import type { SocketAddress } from '../address.js'
import { errnoName, MptkError } from '../errors.js'
import { native, type Watcher } from '../native.js'
import { GENL_HEADER, resolveGroup } from './generic-netlink.js'
import { decodeAttributes, decodeMessages, type Attributes, type NetlinkMessage } from './netlink.js'
import { NETLINK_GENERIC } from './netlink-request.js'
import { PATH_MANAGER_FAMILY } from './path-manager.js'
import { formatIP } from './sockaddr.js'
import { u16, u32, u8 } from './struct.js'

const GROUP = 'mptcp_pm_events'
/** Observers ask the kernel for subflows: a burst of connections must not hold up all else in this process. */
const EVENTS_PER_TURN = 64
const EVENT = { established: 2, closed: 3, subflowEstablished: 10, subflowClosed: 11 } as const
const ATTR = {
  token: 1,
  localId: 3,
  local4: 5,
  local6: 6,
  remote4: 7,
  remote6: 8,
  localPort: 9,
  remotePort: 10,
  error: 12,
  flags: 13,
  serverSide: 18,
} as const
/** In ATTR.flags, since Linux 6.18. */
const FLAG = { denyJoinInitial: 1, serverSide: 2 } as const

interface AddressPair {
  local: SocketAddress
  remote: SocketAddress
}

/** `token` is the connection's own, see ConnectionInfo. */
export type PathManagerEvent = { token: number } & (
  | ({
      kind: 'established'
      /** Accepted here. */
      serverSide: boolean
      /** The peer wants no subflow to the address of the first one (RFC 8684 §3.1, flag C). */
      denyJoinInitial: boolean
    } & AddressPair)
  | { kind: 'closed' }
  | ({ kind: 'subflow-established' } & AddressPair)
  /**
   * Also one that was never established. `error` is a positive errno, 0 for an orderly end; `localId`
   * is 0 for one from the address of the first subflow.
   */
  | ({ kind: 'subflow-closed'; error: number; localId: number } & AddressPair)
)

/** Undefined for events that are not about connections or their subflows. @throws {MptkError} MPTK_NETLINK */
export function decodePathManagerEvent({ payload }: NetlinkMessage): PathManagerEvent | undefined {
  const number = u8(payload, 0)
  const parts = decodeAttributes(payload.subarray(GENL_HEADER))
  const token = read(parts, ATTR.token, u32)
  if (token === undefined) return undefined
  if (number === EVENT.closed) return { kind: 'closed', token }
  const pair = addressPair(parts)
  if (pair === undefined) return undefined
  switch (number) {
    case EVENT.established: {
      const flags = read(parts, ATTR.flags, u16) ?? 0
      // Linux 6.18 says it twice, older ones by the attribute alone
      const serverSide = read(parts, ATTR.serverSide, u8) === 1 || (flags & FLAG.serverSide) !== 0
      const denyJoinInitial = (flags & FLAG.denyJoinInitial) !== 0
      return { kind: 'established', token, serverSide, denyJoinInitial, ...pair }
    }
    case EVENT.subflowEstablished:
      return { kind: 'subflow-established', token, ...pair }
    case EVENT.subflowClosed:
      return {
        kind: 'subflow-closed',
        token,
        error: read(parts, ATTR.error, u8) ?? 0,
        localId: read(parts, ATTR.localId, u8) ?? 0,
        ...pair,
      }
    default:
      return undefined
  }
}

function read(
  parts: Attributes,
  type: number,
  as: (from: Buffer, offset: number) => number | undefined,
): number | undefined {
  const value = parts.get(type)
  return value === undefined ? undefined : as(value, 0)
}

function addressPair(parts: Attributes): AddressPair | undefined {
  const local = parts.get(ATTR.local4) ?? parts.get(ATTR.local6)
  const remote = parts.get(ATTR.remote4) ?? parts.get(ATTR.remote6)
  // in network byte order here, though not in this family's commands
  const [localPort, remotePort] = [ATTR.localPort, ATTR.remotePort].map((type) =>
    read(parts, type, (from) => (from.length < 2 ? undefined : from.readUInt16BE(0))),
  )
  if (local === undefined || remote === undefined) return undefined
  if (localPort === undefined || remotePort === undefined) return undefined
  return {
    local: { address: formatIP(local), port: localPort },
    remote: { address: formatIP(remote), port: remotePort },
  }
}

export interface PathManagerObserver {
  onEvent(event: PathManagerEvent): void
  /** More came than the socket holds: some events are missing. */
  onLost(): void
  /** A message could not be read; the listener goes on. */
  onError(error: unknown): void
}

/** In the network namespace this process is in. Keeps the process alive until closed. */
export class PathManagerListener {
  readonly #fd: number
  readonly #watcher: Watcher
  readonly #observer: PathManagerObserver
  #closed = false

  /** @throws {SystemError} EPERM without CAP_NET_ADMIN @throws {MptkError} MPTK_KERNEL_UNSUPPORTED */
  constructor(observer: PathManagerObserver) {
    this.#observer = observer
    const group = resolveGroup(PATH_MANAGER_FAMILY, GROUP)
    if (group === undefined) {
      throw new MptkError('MPTK_KERNEL_UNSUPPORTED', 'this kernel tells nothing of MPTCP connections')
    }
    this.#fd = native.netlinkListen(NETLINK_GENERIC, [group])
    try {
      this.#watcher = native.watch(this.#fd, () => this.#drain())
      this.#watcher.start({ readable: true, writable: false })
    } catch (error) {
      native.close(this.#fd)
      throw error
    }
  }

  /** Final; nothing is called after it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watcher.close()
    native.close(this.#fd)
  }

  #drain(): void {
    // an observer may close this between two events; what waits beyond a turn's share makes it readable again
    for (let left = EVENTS_PER_TURN; left > 0 && !this.#closed; left--) {
      try {
        const datagram = native.netlinkReceive(this.#fd)
        if (datagram === undefined) return
        for (const message of decodeMessages(datagram)) {
          const event = decodePathManagerEvent(message)
          if (event !== undefined) this.#observer.onEvent(event)
        }
      } catch (error) {
        if (errnoName(error) !== 'ENOBUFS') {
          this.#observer.onError(error)
          return
        }
        this.#observer.onLost()
      }
    }
  }
}
