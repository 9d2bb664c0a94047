/** Any reverse handshake, with the client's address told to the backend first. */
import type { Handshake } from '../request.js'
import type { ProxiedConnection } from './proxy-protocol.js'

const NOTHING = Buffer.alloc(0)

/** @param encode the header; it goes before everything that the client sends */
export function announced(
  handshake: Handshake,
  encode: (connection: ProxiedConnection) => Buffer,
): Handshake {
  return async (client) => {
    const { local } = client
    const request = await handshake(client)
    if (request === undefined) return undefined
    const header = encode({
      client: client.remote,
      local,
      ...(request.site !== undefined && { authority: request.site }),
    })
    const { head = NOTHING, message } = request
    return message === undefined
      ? { ...request, head: Buffer.concat([header, head]) }
      : { ...request, message: { ...message, head: Buffer.concat([header, message.head]) } }
  }
}
