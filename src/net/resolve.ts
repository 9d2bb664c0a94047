/** A destination's name to addresses, or one error that says why not. */
import { familyOf } from '../address.js'
import { MptkError } from '../errors.js'
import type { Cancellation } from './cancel.js'
import { Names } from './names/names.js'
import type { Subject } from './names/pending-names.js'

/** This host's, for all that this process dials. */
export const hostNames = new Names()

export interface ResolveOptions {
  /** When sockets will be bound to an address, only its family is of use. */
  source?: string | undefined
  /** Who wants it, and is charged for it. */
  subject?: Subject | undefined
  names?: Names | undefined
  signal: Cancellation
}

/**
 * The name's addresses in the order to try them.
 * @throws {MptkError} MPTK_RESOLVE, or the signal's reason
 */
export async function resolve(name: string, options: ResolveOptions): Promise<readonly string[]> {
  const { source, subject = {}, names = hostNames, signal } = options
  const family = source === undefined ? 0 : familyOf(source)
  const resolved = await names.resolve(name, family, subject, signal)
  if ('addresses' in resolved) return resolved.addresses
  throw new MptkError(
    'MPTK_RESOLVE',
    `cannot resolve ${JSON.stringify(name)}: ${WORDS[resolved.reason] ?? resolved.reason}`,
  )
}

const WORDS: Readonly<Record<string, string>> = {
  ETIMEOUT: 'no name server answers (ETIMEOUT)',
  ECONNREFUSED: 'no name server can be reached (ECONNREFUSED)',
  ESERVFAIL: 'the name server failed (ESERVFAIL)',
  EREFUSED: 'the name server refuses to answer (EREFUSED)',
}
