/**
 * A backend by the host of each HTTP request. Heads and bodies go on as they came, but where each
 * message ends is followed, so that every request of a connection is looked at: for the same
 * backend it goes on on the same connection, for another the client gets 421 and connects again.
 */
import type { Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import { closeGently } from '../close-gently.js'
import { MAX_HEAD, RequestProblem } from '../http/request-head.js'
import { encodeResponse, RETRY_LATER, type Status } from '../http/response.js'
import { LimitReached } from '../limits.js'
import { MessageReader } from '../message-reader.js'
import type { Farewell, Message, MessageTimeouts, Peers } from '../message.js'
import type { Handshake } from '../request.js'
import { wrongProtocol } from '../wrong-protocol.js'
import { backendMessage } from './backend-message.js'
import { decodeHost, type HttpOpening } from './http-host.js'
import { nextRequest } from './next-request.js'
import { placeOf, type Place, type Refusal } from './opening.js'
import type { Sites } from './site-name.js'

const HINT = 'This port speaks HTTP without encryption.'
/** RFC 9110 §15.5.20: 421 is for a request that this server is not configured to answer. */
const STATUS = {
  unknown: 421,
  nameless: 421,
  foreign: 400,
  invalid: 400,
  unreachable: 502,
  limit: 503,
} as const

/**
 * @param fallback for what names no site of ours, other protocols included; undefined: such clients are refused
 * @param tellsSite whether the backend is told the site of a connection, all of whose requests must then be for that one
 */
export function targetByHost(sites: Sites, fallback: Destination | undefined, tellsSite: boolean): Handshake {
  return async (client) => {
    const reader = new MessageReader(client, MAX_HEAD)
    const opening = await reader.next(decodeHost)
    const place = placeOf(opening, sites, fallback)
    if ('refusal' in place) {
      const answer = opening.kind === 'foreign' ? wrongProtocol(reader.rest, HINT) : undefined
      await closeGently(client, answer ?? refusal(place.refusal, opening))
      throw new MptkError('MPTK_HANDSHAKE', place.why)
    }
    const rest = {
      proceed: () => Promise.resolve(),
      abort: (reason: unknown) =>
        closeGently(client, refusal(reason instanceof LimitReached ? 'limit' : 'unreachable')),
    }
    // another protocol: all of the connection is the fallback's
    if (opening.head === undefined) return { ...place, head: reader.rest, ...rest }
    const message = withNext(opening, reader.rest, (next) => isElsewhere(next, place))
    if ('head' in message) return { ...place, message, ...rest }
    if (message.farewell !== undefined) await closeGently(client, message.farewell)
    throw new MptkError('MPTK_HANDSHAKE', message.problem ?? 'no request')
  }

  function isElsewhere(opening: HttpOpening, first: Place): { status: Status; why: string } | undefined {
    const place = placeOf(opening, sites, fallback)
    if ('refusal' in place) return { status: opening.status ?? STATUS[place.refusal], why: place.why }
    const { host, port } = first.destination
    const same = place.destination.host === host && place.destination.port === port
    if (same && (!tellsSite || place.site === first.site)) return undefined
    return { status: 421, why: `a later request is for another site: ${JSON.stringify(place.site ?? '')}` }
  }
}

type Judge = (opening: HttpOpening) => { status: Status; why: string } | undefined

/** The request that was read, together with the way to the one after it. */
function withNext(opening: HttpOpening, rest: Buffer, isElsewhere: Judge): Message | Farewell {
  const { head } = opening
  if (head === undefined)
    return { farewell: encodeResponse(400), problem: 'the client went over to another protocol' }
  try {
    return {
      ...backendMessage(head, rest),
      next: (peers, carried, timeouts) => next(peers, carried, timeouts, isElsewhere),
    }
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error
    return { farewell: encodeResponse(error.status, { body: `${error.message}\n` }), problem: error.message }
  }
}

async function next(
  peers: Peers,
  carried: Buffer,
  timeouts: MessageTimeouts,
  isElsewhere: Judge,
): Promise<Message | Farewell> {
  const read = await nextRequest(peers, carried, timeouts)
  if (read === undefined) return {}
  const elsewhere = isElsewhere(read.opening)
  if (elsewhere !== undefined) return { farewell: encodeResponse(elsewhere.status), problem: elsewhere.why }
  return withNext(read.opening, read.rest, isElsewhere)
}

function refusal(why: Refusal, opening?: HttpOpening): Buffer {
  return encodeResponse(opening?.status ?? STATUS[why], why === 'limit' ? { fields: RETRY_LATER } : {})
}
