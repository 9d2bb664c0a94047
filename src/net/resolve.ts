/** Names to addresses, by the system's resolver so that /etc/hosts and nsswitch hold. */
import { lookup } from 'node:dns/promises'
import { familyOf } from '../address.js'
import { MptkError } from '../errors.js'
import type { Cancellation } from './cancel.js'

/**
 * The name's addresses in the order to try them: families alternate, beginning with the
 * resolver's first choice (RFC 8305 §4).
 * @param source when sockets will be bound to an address, only its family is of use
 * @throws {MptkError} MPTK_RESOLVE, or the signal's reason
 */
export async function resolve(
  name: string,
  source: string | undefined,
  signal: Cancellation,
): Promise<string[]> {
  signal.throwIfAborted()
  const family = source === undefined ? 0 : familyOf(source)
  const found = await abortable(lookup(name, { all: true, order: 'verbatim', family }), signal).catch(
    (cause: unknown) => {
      signal.throwIfAborted()
      throw new MptkError('MPTK_RESOLVE', `cannot resolve ${JSON.stringify(name)}: ${reasonOf(cause)}`, {
        cause,
      })
    },
  )
  const first = found[0]?.family
  return interleave(
    found.filter((each) => each.family === first).map((each) => each.address),
    found.filter((each) => each.family !== first).map((each) => each.address),
  )
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return code === 'ENOTFOUND' ? 'no such name (ENOTFOUND)' : code
}

/** a1 b1 a2 b2 …, then the rest of the longer list. */
export function interleave<T>(a: readonly T[], b: readonly T[]): T[] {
  const out: T[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) out.push(...a.slice(i, i + 1), ...b.slice(i, i + 1))
  return out
}

/** getaddrinfo cannot be interrupted; the caller need not wait for it. */
function abortable<T>(promise: Promise<T>, signal: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
