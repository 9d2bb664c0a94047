/** A client that knows of no proxy: the kernel says where it wants to go. */
import type { Handshake } from '../request.js'
import { fixedTarget } from '../reverse/handshake.js'
import type { OriginalDestination } from './original-destination.js'

export function transparentHandshake(original: OriginalDestination): Handshake {
  return async (client) => {
    try {
      const { address, port } = original(client)
      return await fixedTarget({ host: address, port })(client)
    } catch (error) {
      // closing would look like a server that has nothing to say
      client.reset()
      throw error
    }
  }
}
