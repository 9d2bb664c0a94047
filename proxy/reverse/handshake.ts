/** Whose backend a connection is for: a fixed target's, or that of the site its TLS ClientHello names. */
import type { Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { closeGently } from '../close-gently.js'
import { MessageReader } from '../message-reader.js'
import type { Handshake } from '../request.js'
import { clientHelloAnswer, decodeClientHello, MAX_OPENING } from './client-hello.js'
import { placeOf } from './opening.js'
import type { Sites } from './site-name.js'

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
 * A target by server name. The bytes that were read go to the backend as they came.
 * @param fallback for what names no site of ours; undefined: such clients are refused
 */
export function targetByServerName(sites: Sites, fallback: Destination | undefined): Handshake {
  return async (client) => {
    const reader = new MessageReader(client, MAX_OPENING)
    const place = placeOf(await reader.next(decodeClientHello), sites, fallback)
    if ('refusal' in place) {
      await refuse(client, clientHelloAnswer(place.refusal, reader.rest))
      throw new MptkError('MPTK_HANDSHAKE', place.why)
    }
    return {
      ...place,
      head: reader.rest,
      proceed: () => Promise.resolve(),
      abort: () => refuse(client, undefined),
    }
  }
}

function refuse(client: Connection, answer: Uint8Array | undefined): Promise<void> {
  if (answer !== undefined) return closeGently(client, answer)
  client.reset()
  return Promise.resolve()
}
