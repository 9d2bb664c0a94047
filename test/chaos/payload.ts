/** The bytes of every transfer: a slice of one random block, repeated, different for each transfer and direction. */
import { createHash } from 'node:crypto'
import type { Random } from '../support/random.js'
import { ID_LENGTH, type Side, type Transfer } from './plan.js'

const BLOCK = 1 << 20
const CHUNK = 64 * 1024
/** Odd, so that every transfer begins elsewhere in the block. */
const STEP = 7919

export class Payload {
  readonly #block: Buffer

  constructor(random: Random) {
    // twice the block, so that every slice is in one piece
    const block = random.bytes(BLOCK)
    this.#block = Buffer.concat([block, block.subarray(0, CHUNK)])
  }

  /** What `from` sends: `length` bytes in chunks; the client's begin with the transfer's id. */
  *chunks(transfer: Transfer, from: Side, length: number): Generator<Buffer> {
    let offset = 0
    if (from === 'client' && length > 0) {
      const id = Buffer.alloc(ID_LENGTH)
      id.writeUInt32BE(transfer.id)
      yield id.subarray(0, length)
      offset = ID_LENGTH
    }
    const start = transfer.id * 2 + (from === 'client' ? 0 : 1)
    for (; offset < length; offset += CHUNK) {
      const at = (start * STEP + offset) % BLOCK
      yield this.#block.subarray(at, at + Math.min(CHUNK, length - offset))
    }
  }

  /** SHA-256 of the first `length` bytes that `from` sends. */
  hash(transfer: Transfer, from: Side, length: number): string {
    const hash = createHash('sha256')
    for (const chunk of this.chunks(transfer, from, length)) hash.update(chunk)
    return hash.digest('hex')
  }
}
