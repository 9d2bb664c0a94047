/** Whose backend a connection is for: a fixed target's, or that of the site its first bytes name. */
import type { Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { closeGently } from '../close-gently.js'
import { LimitReached } from '../limits.js'
import { MessageReader } from '../message-reader.js'
import type { Handshake } from '../request.js'
import type { OpeningProtocol } from './opening.js'
import { plainName, type Sites } from './site-name.js'

/** A fixed target: there is nothing to say, every connection wants the same. */
export function fixedTarget(destination: Destination): Handshake {
  return (client) =>
    Promise.resolve({
      destination,
      proceed: () => Promise.resolve(),
      // without a protocol to say it in, a reset is the plainest way to say "not available"
      abort: () => refuse(client, undefined),
    })
}

/**
 * A target by site. The bytes that were read go to the backend as they came.
 * @param fallback for what names no site of ours; undefined: such clients are refused
 */
export function targetBySite(
  protocol: OpeningProtocol,
  sites: Sites,
  fallback: Destination | undefined,
): Handshake {
  return async (client) => {
    const reader = new MessageReader(client, protocol.limit)
    const opening = await reader.next(protocol.decode)
    const site = opening.kind === 'site' ? plainName(opening.name) : undefined
    const known = site === undefined ? undefined : sites.find(site)
    const destination = known ?? (opening.kind === 'invalid' ? undefined : fallback)
    if (destination === undefined) {
      await refuse(client, protocol.refusal(opening.kind === 'site' ? 'unknown' : opening.kind))
      throw new MptkError(
        'MPTK_HANDSHAKE',
        opening.kind === 'site' ? `no site is called ${JSON.stringify(site)}` : opening.why,
      )
    }
    return {
      destination,
      ...(site !== undefined && { site }),
      head: reader.rest,
      proceed: () => Promise.resolve(),
      abort: (reason) =>
        refuse(client, protocol.refusal(reason instanceof LimitReached ? 'limit' : 'unreachable')),
    }
  }
}

function refuse(client: Connection, answer: Uint8Array | undefined): Promise<void> {
  if (answer !== undefined) return closeGently(client, answer)
  client.reset()
  return Promise.resolve()
}
