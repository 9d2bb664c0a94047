/** What each transfer of a chaos run does, drawn from a seed: sizes, order of the directions, who breaks off and how. */
import type { Random } from '../support/random.js'

export type Side = 'client' | 'server'

/** `reset`: RST. `leave`: close(), which is a FIN unless unread bytes make the kernel send an RST. */
export interface Cut {
  by: Side
  how: 'reset' | 'leave'
  /** Bytes that side has sent and received when it breaks off. */
  after: number
}

export interface Transfer {
  id: number
  /** Bytes from client to server, and back, were nobody to break off. */
  up: number
  down: number
  /**
   * `together`: both at once. `request-first`: the server sends when the client has half-closed.
   * `response-first`: the client sends the rest when the server has half-closed.
   */
  order: 'together' | 'request-first' | 'response-first'
  cut: Cut | undefined
  /** Who reads slowly. */
  slow: Side | undefined
}

/** Every transfer begins with its id. */
export const ID_LENGTH = 4

/** More than half of the transfers finish. */
const CUT_SHARE = 0.4

/** @param largest no direction carries more, bytes */
export function drawTransfer(random: Random, id: number, largest: number): Transfer {
  const up = ID_LENGTH + drawSize(random, largest)
  const down = drawSize(random, largest)
  const cut: Cut | undefined = random.chance(CUT_SHARE)
    ? {
        by: random.pick(['client', 'server']),
        how: random.pick(['reset', 'leave']),
        after: random.below(up + down),
      }
    : undefined
  return {
    id,
    up,
    down,
    order: random.pick(['together', 'together', 'request-first', 'response-first']),
    cut,
    slow: random.chance(0.15) ? random.pick(['client', 'server']) : undefined,
  }
}

/** As often nothing, a little, or much. */
function drawSize(random: Random, largest: number): number {
  const most = random.pick([1, 100, 4 * 1024, 64 * 1024, 512 * 1024, 2 * 1024 * 1024, Infinity])
  return random.below(Math.min(most, largest))
}
