/** Outgoing connections: a name or address in, a connected socket of our own out. */
import { formatAddress, familyOf, type Destination, type SocketAddress } from '../address.js'
import { MptkError } from '../errors.js'
import { native } from '../native.js'
import type { Kernel, SocketWish } from '../kernel/kernel.js'
import { Cancel, type Cancellation } from './cancel.js'
import { Connection } from './connection.js'
import type { Names } from './names/names.js'
import type { Subject } from './names/pending-names.js'
import { race } from './race.js'
import { resolve } from './resolve.js'

export interface DialOptions {
  wish: SocketWish
  /** Time limit for resolving and connecting together, milliseconds. */
  timeout: number
  signal?: Cancellation
  /** For whom a name is looked up: each may have so many looked up at a time. */
  subject?: Subject
  /** Who looks names up, unless this host's settings do. */
  names?: Names
  /** Says of each resolved address whether it may be dialled: rules see names first, addresses here. */
  allow?(address: string): boolean
}

/**
 * Connects to the destination; a name's addresses are tried as RFC 8305 says, each on a
 * socket of our own (Node's connector would retry without MPTCP).
 * @throws {SystemError} the connect error that came first @throws {MptkError} MPTK_RESOLVE, MPTK_DENIED, MPTK_TIMEOUT
 */
export async function dial(kernel: Kernel, to: Destination, options: DialOptions): Promise<Connection> {
  const limit = new Cancel()
  const timer = setTimeout(() => {
    limit.abort(
      new MptkError('MPTK_TIMEOUT', `no connection to ${formatAddress(to)} within ${options.timeout} ms`),
    )
  }, options.timeout)
  const { signal } = options
  const onAbort = (): void => {
    if (signal?.aborted === true) limit.abort(signal.reason)
  }
  onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const addresses = familyOf(to.host) === 0 ? await addressesOf(to.host, options, limit) : [to.host]
    const allowed =
      options.allow === undefined ? addresses : addresses.filter((each) => options.allow?.(each))
    if (allowed.length === 0) {
      throw new MptkError('MPTK_DENIED', `rules allow no address of ${to.host} (${addresses.join(', ')})`)
    }
    return await race(allowed, limit, (address, signal) =>
      connect(kernel, { address, port: to.port }, options.wish, signal),
    )
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function addressesOf(
  name: string,
  { wish, subject, names }: DialOptions,
  signal: Cancellation,
): Promise<readonly string[]> {
  return resolve(name, { source: wish.source, subject, names, signal })
}

/** One connection attempt to one address. @throws {SystemError} or the signal's reason */
export async function connect(
  kernel: Kernel,
  to: SocketAddress,
  wish: SocketWish,
  signal: Cancellation,
): Promise<Connection> {
  signal.throwIfAborted()
  const { fd, ...opened } = kernel.openSocket(familyOf(to.address) === 6 ? 6 : 4, wish)
  try {
    if (wish.source !== undefined) native.bind(fd, wish.source, 0)
    await connected(fd, to, signal)
    signal.throwIfAborted()
  } catch (error) {
    native.close(fd)
    throw error
  }
  return new Connection(fd, to, { side: 'connected', ...opened })
}

/** Settles when the descriptor is ours again; a dial withdrawn ends with whatever came first. */
function connected(fd: number, to: SocketAddress, signal: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => native.cancelDial(fd)
    native.dial(fd, to.address, to.port, (error) => {
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(signal.aborted ? signal.reason : error)
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
