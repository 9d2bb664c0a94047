/** Reads length-delimited handshake messages from a connection, whatever way the bytes are cut. */
import { MptkError } from '../src/errors.js'
import type { Connection } from '../src/net/connection.js'

/** A pure decoder: undefined while the message is incomplete. */
export type Decoder<T> = (bytes: Buffer) => { value: T; length: number } | undefined

export class MessageReader {
  readonly #connection: Connection
  /** No valid message is longer, so no client makes us hold more. */
  readonly #limit: number
  #bytes: Buffer

  /** @param bytes what has been read already */
  constructor(connection: Connection, limit: number, bytes: Buffer = Buffer.alloc(0)) {
    this.#connection = connection
    this.#limit = limit
    this.#bytes = bytes
  }

  /** The next message. @throws {MptkError} MPTK_HANDSHAKE on an early end, and what the decoder throws */
  async next<T>(decode: Decoder<T>): Promise<T> {
    for (;;) {
      const message = this.#bytes.length > 0 ? decode(this.#bytes) : undefined
      if (message !== undefined) {
        this.#bytes = this.#bytes.subarray(message.length)
        return message.value
      }
      if (this.#bytes.length > this.#limit) throw new MptkError('MPTK_HANDSHAKE', 'a message is too long')
      const more = await this.#connection.read()
      if (more === undefined) {
        throw new MptkError('MPTK_HANDSHAKE', 'the connection ended within the handshake')
      }
      this.#bytes = this.#bytes.length === 0 ? more : Buffer.concat([this.#bytes, more])
    }
  }

  /** What arrived beyond the last message: the beginning of the payload. */
  get rest(): Buffer {
    return this.#bytes
  }
}
