/** The client's side of SOCKS5 on a connection to an upstream proxy: first the method, then the request. */
import { formatAddress, type Destination } from '../../src/address.js'
import { describeError, errnoName, MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { UpstreamRefused } from '../egress/upstream-errors.js'
import type { MessageReader } from '../message-reader.js'
import {
  COMMAND,
  decodeCredentialsStatus,
  decodeMethod,
  decodeReply,
  encodeCredentials,
  encodeGreeting,
  encodeRequest,
  METHOD,
  ProtocolError,
  REPLY,
  type Reply,
} from './codec.js'

export interface Credentials {
  username: string
  password: string
}

const REPLY_NAMES = new Map<number, string>(Object.entries(REPLY).map(([name, code]) => [code, name]))

/** The upstream's own answer, passed on to our client as it is. */
export class UpstreamRefusal extends MptkError {
  constructor(
    readonly reply: Reply,
    destination: Destination,
  ) {
    const name = REPLY_NAMES.get(reply) ?? 'unknown'
    super('MPTK_UPSTREAM', `the upstream proxy answered ${reply} (${name}) for ${formatAddress(destination)}`)
  }
}

/**
 * Greets the proxy and has it choose the method of authentication.
 * @throws {UpstreamRefused} whatever else is thrown means that it did not answer
 */
export async function chooseMethod(
  connection: Connection,
  reader: MessageReader,
  credentials?: Credentials,
): Promise<void> {
  const offered = credentials === undefined ? METHOD.none : METHOD.password
  const chosen = await answered(async () => {
    await connection.write(encodeGreeting([offered]))
    return reader.next(decodeMethod)
  })
  if (chosen === offered) return
  const wanted = credentials === undefined ? 'wants a password and none is configured' : 'takes no password'
  throw new UpstreamRefused('password', `the upstream proxy ${wanted} (it chose method ${chosen})`)
}

/**
 * CONNECT through a proxy that has chosen its method: one round trip, two with a password.
 * @returns the address the upstream dialled from, as it says, and payload bytes that came with the reply
 * @throws {UpstreamRefusal} its word on the destination @throws {UpstreamRefused} its word on us
 */
export async function connectThrough(
  connection: Connection,
  reader: MessageReader,
  destination: Destination,
  credentials?: Credentials,
): Promise<{ bound: Destination; head: Buffer }> {
  return answered(async () => {
    if (credentials !== undefined) await logIn(connection, reader, credentials)
    await connection.write(encodeRequest(COMMAND.connect, destination))
    const { reply, bound } = await reader.next(decodeReply)
    if (reply === REPLY.limit) {
      throw new UpstreamRefused('limit', 'the upstream proxy has as many connections of ours as it takes')
    }
    if (reply !== REPLY.succeeded) {
      throw new UpstreamRefusal(REPLY_NAMES.has(reply) ? (reply as Reply) : REPLY.generalFailure, destination)
    }
    return { bound, head: reader.rest }
  })
}

/** Whether the proxy takes the password, without asking anything more of it. @throws {UpstreamRefused} */
export async function proveIdentity(
  connection: Connection,
  reader: MessageReader,
  credentials: Credentials,
): Promise<void> {
  await answered(() => logIn(connection, reader, credentials))
}

/** RFC 1929. */
async function logIn(connection: Connection, reader: MessageReader, credentials: Credentials): Promise<void> {
  await connection.write(encodeCredentials(credentials.username, credentials.password))
  if ((await reader.next(decodeCredentialsStatus)) !== 0) {
    throw new UpstreamRefused(
      'password',
      `the upstream proxy refused the password of ${JSON.stringify(credentials.username)}`,
    )
  }
}

/** What a peer does that took the connection and then broke it off. Its silence has other names. */
const BROKEN_OFF = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ESHUTDOWN', 'ENOTCONN'])

/** @throws {UpstreamRefused} where the proxy breaks the protocol or the connection @throws what `talk` throws otherwise */
async function answered<T>(talk: () => Promise<T>): Promise<T> {
  try {
    return await talk()
  } catch (cause) {
    if (cause instanceof ProtocolError) {
      throw new UpstreamRefused('protocol', `the upstream proxy broke the protocol: ${cause.message}`, {
        cause,
      })
    }
    const ended = cause instanceof MptkError && cause.code === 'MPTK_HANDSHAKE'
    if (!ended && !BROKEN_OFF.has(errnoName(cause) ?? '')) throw cause
    throw new UpstreamRefused('closed', `the upstream proxy broke off: ${describeError(cause)}`, { cause })
  }
}
