/** A fixed target: there is nothing to say, every connection wants the same. */
import type { Destination } from '../../src/address.js'
import type { Handshake } from '../request.js'

export function fixedTarget(destination: Destination): Handshake {
  return (client) =>
    Promise.resolve({
      destination,
      proceed: () => Promise.resolve(),
      // without a protocol to say it in, a reset is the plainest way to say "not available"
      abort: () => {
        client.reset()
        return Promise.resolve()
      },
    })
}
