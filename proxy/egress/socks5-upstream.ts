import { familyOf, formatAddress, type SocketAddress } from '../../src/address.js'
import type { UpstreamConfig } from '../../src/config/service.js'
import { socketWish } from '../../src/config/socket.js'
import { isSystemError, MptkError, type ErrorCode } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { Cancellation } from '../../src/net/cancel.js'
import type { Connection } from '../../src/net/connection.js'
import { dial } from '../../src/net/dial.js'
import { MessageReader } from '../message-reader.js'
import { chooseMethod, connectThrough, proveIdentity, type Credentials } from '../socks5/client.js'
import { MAX_MESSAGE } from '../socks5/codec.js'
import type { Upstream } from './egress.js'
import { UpstreamNotTried, UpstreamUnreachable } from './upstream-errors.js'

/** A connection to the proxy on which it has chosen the method of authentication. */
interface Greeted {
  connection: Connection
  reader: MessageReader
}

/**
 * Goes through another SOCKS5 proxy, dialled over MPTCP. Names travel unresolved: the
 * upstream resolves them where it stands.
 */
export function socks5Upstream(
  kernel: Kernel,
  config: Omit<UpstreamConfig, 'whenUnreachable'>,
  credentials?: Credentials,
): Upstream {
  const wish = socketWish({ ...config })
  const address = formatAddress(config.address)

  /** @throws {UpstreamUnreachable} @throws {UpstreamNotTried} @throws {UpstreamRefused} */
  async function reach(timeout: number, signal: Cancellation): Promise<Greeted> {
    const started = performance.now()
    let connection: Connection | undefined
    try {
      connection = await dial(kernel, config.address, { wish, timeout, signal })
      const reader = new MessageReader(connection, MAX_MESSAGE)
      const late = new MptkError('MPTK_TIMEOUT', `no answer within ${timeout} ms`)
      const limits = { timeout: timeout - (performance.now() - started), signal, late }
      await within(connection, limits, chooseMethod(connection, reader, credentials))
      return { connection, reader }
    } catch (error) {
      connection?.close()
      if (signal.aborted) throw signal.reason
      throw judge(address, error)
    }
  }

  return {
    name: `socks5 ${address}`,
    address,
    async dial(destination, options) {
      options.admit(false)
      const { timeout, signal } = options
      const started = performance.now()
      const { connection, reader } = await reach(Math.min(config.connectTimeout, timeout), signal)
      try {
        const late = new MptkError(
          'MPTK_TIMEOUT',
          `no answer from the upstream proxy ${address} within ${timeout} ms`,
        )
        const limits = { timeout: timeout - (performance.now() - started), signal, late }
        const talk = connectThrough(connection, reader, destination, credentials)
        const { bound, head } = await within(connection, limits, talk)
        return { connection, bound: ipBound(bound), ...(head.length > 0 && { head }) }
      } catch (error) {
        connection.close()
        throw error
      }
    },
    async probe(signal) {
      const timeout = config.connectTimeout
      const { connection, reader } = await reach(timeout, signal)
      try {
        if (credentials === undefined) return
        const late = new MptkError('MPTK_TIMEOUT', `no answer to the password within ${timeout} ms`)
        await within(connection, { timeout, signal, late }, proveIdentity(connection, reader, credentials))
      } catch (error) {
        if (signal.aborted) throw signal.reason
        throw judge(address, error)
      } finally {
        connection.close()
      }
    },
  }
}

const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN'])
/** What dial and handshake say of a peer that cannot be found or says nothing. */
const SILENCES = new Set<ErrorCode>(['MPTK_RESOLVE', 'MPTK_TIMEOUT'])

/** Whose fault it is that there is no greeted connection. */
function judge(address: string, error: unknown): unknown {
  if (error instanceof MptkError && !SILENCES.has(error.code)) return error
  if (isSystemError(error)) {
    const noPortLeft = error.code === 'EADDRNOTAVAIL' && error.syscall === 'connect'
    if (noPortLeft || SHORTAGES.has(error.code)) return new UpstreamNotTried(address, error)
  }
  return new UpstreamUnreachable(address, error)
}

/** Makes the talk fail, by its connection, when it takes too long or is withdrawn. */
async function within<T>(
  connection: Connection,
  { timeout, signal, late }: { timeout: number; signal: Cancellation; late: Error },
  talk: Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => connection.fail(late), Math.max(1, timeout))
  const onAbort = (): void => connection.fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await talk
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** A proxy may answer with a name, which our own reply cannot promise to mean anything. */
function ipBound({ host, port }: { host: string; port: number }): SocketAddress {
  return familyOf(host) === 0 ? { address: '0.0.0.0', port: 0 } : { address: host, port }
}
