/** Listening sockets: accept in batches on the event loop, hand each connection on, survive everything a client does. */
import { formatAddress, familyOf, type SocketAddress } from '../address.js'
import { describeError, errnoName, MptkError } from '../errors.js'
import { congestionOfPlainClients, giveBack } from '../kernel/automatic-congestion.js'
import { native } from '../native.js'
import type { Kernel, OpenedSocket, Origin, SocketWish } from '../kernel/kernel.js'
import { Connection } from './connection.js'

/** Connections taken per wake-up, so that one busy listener does not starve the others. */
const BATCH = 64
/** How long accepting rests when the process or the machine is out of descriptors or memory, milliseconds. */
export const EXHAUSTED_PAUSE = 100

export interface Listener {
  /** The bound address; the port the kernel chose when 0 was asked for. */
  readonly address: SocketAddress
  /** What the listener speaks, and why not MPTCP when that was wished for. */
  readonly opened: Omit<OpenedSocket, 'fd'>
  /** Stops accepting. Connections handed on are not touched. */
  close(): void
}

export interface ListenOptions {
  backlog?: number
  onConnection(connection: Connection): void
  /** Accepting pauses or fails: out of descriptors, for example. The listener goes on by itself. */
  onError(error: unknown): void
}

/** @throws {MptkError} MPTK_LISTEN, MPTK_KERNEL_UNSUPPORTED or MPTK_MPTCP_REQUIRED */
export function listen(
  kernel: Kernel,
  at: SocketAddress,
  wish: SocketWish,
  options: ListenOptions,
): Listener {
  const family = familyOf(at.address) === 6 ? 6 : 4
  const opened = open(kernel, at, family, wish)
  try {
    native.bind(opened.fd, at.address, at.port)
    native.listen(opened.fd, options.backlog ?? 4096)
    return start(kernel, opened, congestionOfPlainClients(wish, opened), options)
  } catch (cause) {
    native.close(opened.fd)
    throw new MptkError('MPTK_LISTEN', `cannot listen on ${formatAddress(at)}: ${whyNotListening(cause)}`, {
      cause,
    })
  }
}

function open(kernel: Kernel, at: SocketAddress, family: 4 | 6, wish: SocketWish): OpenedSocket {
  try {
    return kernel.openSocket(family, wish)
  } catch (cause) {
    if (errnoName(cause) !== 'EAFNOSUPPORT') throw cause
    const text = `cannot listen on ${formatAddress(at)}: ${whyNotListening(cause)}`
    throw new MptkError('MPTK_LISTEN', text, { cause })
  }
}

/** Why a socket could not be opened, bound or listened on, in words. */
export function whyNotListening(error: unknown): string {
  switch (errnoName(error)) {
    case 'EADDRINUSE':
      return 'the port is taken by another program (EADDRINUSE)'
    case 'EACCES':
      return 'ports below 1024 need root or CAP_NET_BIND_SERVICE (EACCES)'
    case 'EAFNOSUPPORT':
      return 'this host has no IPv6 (EAFNOSUPPORT); 0.0.0.0 stands for its IPv4 addresses'
    case 'EADDRNOTAVAIL':
      return 'this host has no such address (EADDRNOTAVAIL)'
    default:
      return describeError(error)
  }
}

/** @param plain congestion control of clients that come without MPTCP, where it is not the listener's */
function start(
  kernel: Kernel,
  { fd, ...opened }: OpenedSocket,
  plain: string | undefined,
  options: ListenOptions,
): Listener {
  const address = native.localAddress(fd)
  const origin: Origin = { side: 'accepted', ...opened }
  const watcher = native.watch(fd, acceptBatch)
  let timer: NodeJS.Timeout | undefined
  let open = true

  function acceptBatch(): void {
    let accepted
    try {
      accepted = native.accept(fd, BATCH)
    } catch (error) {
      // EMFILE, ENFILE, ENOBUFS, ENOMEM: the connection still waits, so polling at once would spin
      watcher.stop()
      timer = setTimeout(resume, EXHAUSTED_PAUSE)
      options.onError(error)
      return
    }
    for (const { fd: client, ...remote } of accepted) {
      if (plain !== undefined && !kernel.isMultipath(client)) giveBack(client, plain)
      options.onConnection(new Connection(client, remote, origin))
    }
  }

  function resume(): void {
    if (open) watcher.start({ readable: true, writable: false })
  }

  resume()
  return {
    address,
    opened,
    close() {
      if (!open) return
      open = false
      clearTimeout(timer)
      watcher.close()
      native.close(fd)
    },
  }
}
