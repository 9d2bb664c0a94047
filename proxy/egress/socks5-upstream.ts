import { familyOf, formatAddress } from '../../src/address.js'
import type { UpstreamConfig } from '../../src/config/service.js'
import { socketWish } from '../../src/config/socket.js'
import { MptkError } from '../../src/errors.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { dial } from '../../src/net/dial.js'
import { connectThrough, type Credentials } from '../socks5/client.js'
import type { Egress, Reached } from './egress.js'

/**
 * Goes through another SOCKS5 proxy, dialled over MPTCP. Names travel unresolved: the
 * upstream resolves them where it stands.
 */
export function socks5Upstream(kernel: Kernel, config: UpstreamConfig, credentials?: Credentials): Egress {
  const wish = socketWish({ ...config })
  const at = formatAddress(config.address)
  return {
    name: `socks5 ${at}`,
    resolves: false,
    async dial(destination, { timeout, signal }): Promise<Reached> {
      const started = performance.now()
      const connection = await dial(kernel, config.address, { wish, timeout, signal }).catch(
        (cause: unknown) => {
          throw unreachable(at, cause)
        },
      )
      const left = Math.max(1, timeout - (performance.now() - started))
      const timer = setTimeout(() => {
        connection.fail(
          new MptkError('MPTK_TIMEOUT', `no answer from the upstream proxy ${at} within ${timeout} ms`),
        )
      }, left)
      const onAbort = (): void => connection.fail(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      try {
        const { bound, head } = await connectThrough(connection, destination, credentials)
        return {
          connection,
          // a proxy may answer with a name, which our own reply cannot promise to mean anything
          bound:
            familyOf(bound.host) === 0
              ? { address: '0.0.0.0', port: 0 }
              : { address: bound.host, port: bound.port },
          ...(head.length > 0 && { head }),
        }
      } catch (error) {
        connection.close()
        throw error
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

/** The upstream's failure must not look like the destination's: a client would blame the wrong host. */
function unreachable(at: string, cause: unknown): MptkError {
  const what = cause instanceof Error ? cause.message : String(cause)
  return new MptkError('MPTK_UPSTREAM', `the upstream proxy ${at} cannot be reached: ${what}`, { cause })
}
