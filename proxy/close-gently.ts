/** The last word to a client that is being turned away. */
import type { Connection } from '../src/net/connection.js'

/** How long and how much unread input we swallow, so that our answer is not lost. */
const PATIENCE = 2000
const APPETITE = 256 * 1024

/**
 * Sends a last message and closes. Closing with unread input would make the kernel send a
 * reset, which can overtake the message; so input is read and dropped until the client
 * closes, within limits. A client that is gone already is no error.
 */
export async function closeGently(client: Connection, message: Uint8Array): Promise<void> {
  const timer = setTimeout(() => client.fail(new Error('the client did not close')), PATIENCE)
  try {
    await client.write(message)
    client.end()
    for (let swallowed = 0; swallowed < APPETITE;) {
      const bytes = await client.read()
      if (bytes === undefined) break
      swallowed += bytes.length
    }
  } catch {
    // the client left first, or talks on: either way there is nobody to tell
  } finally {
    clearTimeout(timer)
    client.close()
  }
}
