/** How a connection is ended so that the client gets all that was sent to it. */
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
  await within(client, async () => {
    await client.write(message)
    await swallow(client)
  })
}

/** The same without a message: what was sent already shall not be lost. */
export async function endGently(client: Connection): Promise<void> {
  await within(client, () => swallow(client))
}

async function swallow(client: Connection): Promise<void> {
  client.end()
  for (let swallowed = 0; swallowed < APPETITE;) {
    const bytes = await client.read()
    if (bytes === undefined) break
    swallowed += bytes.length
  }
}

/** Does what it can before time is up, then closes. */
async function within(client: Connection, action: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => client.fail(new Error('the client did not close')), PATIENCE)
  try {
    await action()
  } catch {
    // the client left first, or talks on: either way there is nobody to tell
  } finally {
    clearTimeout(timer)
    client.close()
  }
}
