/** The server's side of SOCKS5: method, password, request (RFC 1928 §3–§6, RFC 1929). */
import type { Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { closeGently } from '../close-gently.js'
import { MessageReader } from '../message-reader.js'
import { plainHost } from '../plain-host.js'
import type { Handshake, Request } from '../request.js'
import { logIn, LogInRefused } from '../users/log-in.js'
import type { Users } from '../users/users.js'
import { wrongProtocol } from '../wrong-protocol.js'
import {
  COMMAND,
  decodeCredentials,
  decodeGreeting,
  decodeRequest,
  encodeCredentialsStatus,
  encodeMethod,
  encodeReply,
  MAX_MESSAGE,
  METHOD,
  ProtocolError,
  REPLY,
  VERSION,
} from './codec.js'
import { replyFor } from './reply.js'

/** RFC 1929's message is the longest of all: 3 bytes and twice 255. */
const LIMIT = Math.max(MAX_MESSAGE, 3 + 2 * 255)

/**
 * @param users undefined for a service without authentication
 * @param hint what to tell a client that speaks HTTP
 */
export function socks5Handshake(users: Users | undefined, hint: (client: Connection) => string): Handshake {
  return async (client) => {
    const reader = new MessageReader(client, LIMIT)
    const offered = await greeting(client, reader, hint)
    const user = await authenticate(client, reader, users, offered)
    const destination = await readRequest(client, reader)
    return request(client, reader, destination, user)
  }
}

/** The methods the client offers; one that speaks another protocol is told so. */
async function greeting(
  client: Connection,
  reader: MessageReader,
  hint: (client: Connection) => string,
): Promise<Uint8Array> {
  try {
    return await reader.next(decodeGreeting)
  } catch (error) {
    const foreign = error instanceof ProtocolError && reader.rest[0] !== VERSION
    const answer = foreign ? wrongProtocol(reader.rest, hint(client)) : undefined
    if (answer !== undefined) await closeGently(client, answer)
    throw error
  }
}

async function authenticate(
  client: Connection,
  reader: MessageReader,
  users: Users | undefined,
  offered: Uint8Array,
): Promise<string | undefined> {
  const wanted = users === undefined ? METHOD.none : METHOD.password
  if (!offered.includes(wanted)) {
    await closeGently(client, encodeMethod(METHOD.unacceptable))
    throw new MptkError(
      'MPTK_HANDSHAKE',
      users === undefined ? 'the client insists on authentication' : 'the client offers no password',
    )
  }
  await client.write(encodeMethod(wanted))
  if (users === undefined) return undefined

  const credentials = await reader.next(decodeCredentials)
  const { username } = credentials
  // a client that has sent nothing ahead waits for our word: one that ends before has left
  const leaving = reader.rest.length > 0 ? 'break' : 'end'
  const verdict = await logIn(client, users, credentials, leaving)
  if (verdict !== 'right') {
    await closeGently(client, encodeCredentialsStatus(false))
    throw new LogInRefused(verdict, username)
  }
  await client.write(encodeCredentialsStatus(true))
  return username
}

async function readRequest(client: Connection, reader: MessageReader): Promise<Destination> {
  try {
    const { command, destination } = await reader.next(decodeRequest)
    if (command !== COMMAND.connect) {
      throw new ProtocolError(`command ${command} is not supported`, REPLY.commandNotSupported)
    }
    return plainDestination(destination)
  } catch (error) {
    if (error instanceof ProtocolError && error.reply !== undefined) {
      await closeGently(client, encodeReply(error.reply))
    }
    throw error
  }
}

function plainDestination({ host: given, port }: Destination): Destination {
  if (port === 0) throw new ProtocolError('the destination port is 0', REPLY.generalFailure)
  const host = plainHost(given)
  if (host === undefined) {
    throw new ProtocolError(`not a host name: ${JSON.stringify(given)}`, REPLY.hostUnreachable)
  }
  return { host, port }
}

function request(
  client: Connection,
  reader: MessageReader,
  destination: Destination,
  user: string | undefined,
): Request {
  return {
    destination,
    ...(user !== undefined && { user }),
    ...(reader.rest.length > 0 ? { head: reader.rest } : { leaving: 'end' }),
    proceed: (bound) => client.write(encodeReply(REPLY.succeeded, bound)),
    abort: (reason) => closeGently(client, encodeReply(replyFor(reason))),
  }
}
