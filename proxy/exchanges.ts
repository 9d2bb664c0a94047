/** Relays messages and answers one after another, for as long as both connections go on. */
import { describeError, errnoName, MptkError } from '../src/errors.js'
import type { ActiveExchange, ExchangeResult, Relay, RelayResult } from '../src/net/relay.js'
import type { Answer, Farewell, Message, MessageTimeouts, Peers } from './message.js'

export interface ExchangesResult extends RelayResult, Farewell {
  /** The client's connection is to be ended so that the last answer reaches it. */
  gently: boolean
}

/** What can be asked and done while messages are relayed. */
export interface ActiveExchanges {
  readonly ended: Promise<ExchangesResult>
  /** Bytes so far, client to destination and back. */
  bytes(): { up: number; down: number }
  abort(): void
}

const NOTHING = Buffer.alloc(0)

/**
 * @param early what came from the destination before the first message
 * The promise rejects only for programming errors and after the relay was stopped.
 */
export function relayMessages(
  relay: Relay,
  peers: Peers,
  first: Message,
  early: Buffer,
  timeouts: MessageTimeouts,
): ActiveExchanges {
  const before = { up: 0, down: 0 }
  let active: ActiveExchange | undefined
  let aborted = false

  async function run(): Promise<ExchangesResult> {
    let message = first
    for (let unread = early; ; unread = NOTHING) {
      const result = await exchange(relay, peers, message, unread, timeouts, (each) => (active = each))
      active = undefined
      before.up += result.up
      before.down += result.down
      const total = { ...result, ...before }
      if (!result.whole || message.next === undefined || aborted) return total
      try {
        const next = await message.next(peers, result.carried, timeouts)
        if (!('head' in next)) return { ...total, ...next, gently: true }
        message = next
      } catch (error) {
        return {
          ...total,
          cause: causeOf(error),
          gently: false,
          problem: describeError(error),
        }
      }
    }
  }

  function causeOf(error: unknown): RelayResult['cause'] {
    if (aborted) return 'aborted'
    return error instanceof MptkError && error.code === 'MPTK_TIMEOUT' ? 'timeout' : 'reset'
  }

  return {
    ended: run(),
    bytes() {
      const now = active?.bytes()
      return { up: before.up + (now?.up ?? 0), down: before.down + (now?.down ?? 0) }
    },
    abort() {
      aborted = true
      if (active !== undefined) active.abort()
      else for (const each of [peers.client, peers.remote]) each.fail(new Error('the relay was ended'))
    },
  }
}

type OneResult = ExchangesResult & Pick<ExchangeResult, 'whole' | 'carried'>

async function exchange(
  relay: Relay,
  { client, remote }: Peers,
  message: Message,
  early: Buffer,
  { idle, halfClosed, stalled }: MessageTimeouts,
  started: (active: ActiveExchange) => void,
): Promise<OneResult> {
  const { head, rest, end, keep } = message
  let active: ActiveExchange
  try {
    active = relay.exchange(client, remote, {
      head,
      rest,
      end,
      keep,
      idleTimeout: idle,
      halfClosedTimeout: halfClosed,
      stallTimeout: stalled,
    })
  } catch (error) {
    if (errnoName(error) !== 'EBADMSG') throw error
    return unreadable(message, { up: 0, down: 0, last: { client: undefined, remote: undefined } })
  }
  started(active)

  const first = await Promise.race([
    active.ended.then((result) => ({ result })),
    message.answer({ client, remote }, early).then(
      (answer) => ({ answer }),
      (reason: unknown) => ({ reason }),
    ),
  ])
  if ('result' in first) {
    // nobody waits for the answer any more
    remote.fail(new Error('the exchange has ended'))
    if (first.result.errno !== 'EBADMSG') return { ...first.result, gently: false }
    client.keepFromReset()
    return unreadable(message, first.result)
  }
  if ('answer' in first) return finished(active, first.answer)
  active.answer({ head: message.apology(first.reason, 'destination'), end: 0, close: true }, 'last')
  const result = await active.ended
  const problem = describeError(first.reason)
  return { ...result, cause: 'reset', side: 'remote', gently: result.cause === 'eof', whole: false, problem }
}

async function finished(active: ActiveExchange, { part, how }: Answer): Promise<OneResult> {
  active.answer(part, how)
  const result = await active.ended
  return { ...result, gently: result.cause === 'eof' && how !== 'switch' }
}

/** The client's own message cannot be read to its end, and no answer has begun. */
function unreadable(message: Message, result: Pick<RelayResult, 'up' | 'down' | 'last'>): OneResult {
  const { up, down, last } = result
  return {
    ...{ up, down, last, cause: 'reset', side: 'client', whole: false, carried: NOTHING, gently: true },
    farewell: message.apology(undefined, 'client'),
    problem: 'the chunks of the body cannot be read',
  }
}
