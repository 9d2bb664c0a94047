/** Whose fault it is that a connection through the next proxy is not to be had, and what follows from it. */
import { describeError, MptkError } from '../../src/errors.js'

/**
 * The proxy cannot be connected to, or says nothing at all: no word on the destination. Must not
 * look like the destination's failure, or a client would blame the wrong host. Nothing else makes
 * connections go straight.
 */
export class UpstreamUnreachable extends MptkError {
  constructor(at: string, cause: unknown) {
    super('MPTK_UPSTREAM', `the upstream proxy ${at} cannot be reached: ${describeError(cause)}`, { cause })
  }
}

/** This host itself could not try: out of ports or descriptors. No word on the upstream. */
export class UpstreamNotTried extends MptkError {
  constructor(at: string, cause: unknown) {
    super('MPTK_UPSTREAM', `cannot dial the upstream proxy ${at}: ${describeError(cause)}`, { cause })
  }
}

/**
 * - `limit`: it says that we have as many connections as we may.
 * - `password`: it does not take our credentials, or wants some.
 * - `closed`: it took the connection and broke it off before it had answered.
 * - `protocol`: what it answers is not what was agreed on.
 */
export type RefusalReason = 'limit' | 'password' | 'closed' | 'protocol'

/** It is there and will not serve us: whether it is right or busy is for somebody to look at, no reason to go past it. */
export class UpstreamRefused extends MptkError {
  constructor(
    readonly reason: RefusalReason,
    message: string,
    options?: { cause: unknown },
  ) {
    super('MPTK_UPSTREAM', message, options)
  }
}
