/** Frames of the path test on a connection, whatever way the bytes are cut. */
import { MptkError } from '../errors.js'
import type { Connection } from '../net/connection.js'
import { FRAME_LENGTH } from './path-test-protocol.js'

/** The next frame; undefined when the peer has ended the stream before it. @throws {SystemError} @throws {MptkError} MPTK_PATH_TEST */
export async function readFrame(connection: Connection): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  for (let missing = FRAME_LENGTH; missing > 0;) {
    const bytes = await connection.read(missing)
    if (bytes === undefined) {
      if (parts.length === 0) return undefined
      throw new MptkError('MPTK_PATH_TEST', 'the peer ended the connection within a message')
    }
    parts.push(bytes)
    missing -= bytes.length
  }
  return Buffer.concat(parts)
}
