/** The client's side of SOCKS5 on a connection to an upstream proxy. */
import { formatAddress, type Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { MessageReader } from '../message-reader.js'
import {
  COMMAND,
  decodeReply,
  encodeCredentials,
  encodeGreeting,
  encodeRequest,
  MAX_MESSAGE,
  METHOD,
  ProtocolError,
  REPLY,
  VERSION,
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
 * CONNECT through the proxy at the other end. The whole conversation costs two round trips
 * (three with a password): messages whose answer cannot change what follows are sent together.
 * @returns the address the upstream dialled from, as it says, and payload bytes that came with the reply
 * @throws {UpstreamRefusal} @throws {MptkError} MPTK_UPSTREAM when the upstream breaks the protocol
 */
export async function connectThrough(
  connection: Connection,
  destination: Destination,
  credentials?: Credentials,
): Promise<{ bound: Destination; head: Buffer }> {
  const reader = new MessageReader(connection, MAX_MESSAGE)
  try {
    await authenticate(connection, reader, credentials)
    await connection.write(encodeRequest(COMMAND.connect, destination))
    const { reply, bound } = await reader.next(decodeReply)
    if (reply !== REPLY.succeeded) {
      throw new UpstreamRefusal(REPLY_NAMES.has(reply) ? (reply as Reply) : REPLY.generalFailure, destination)
    }
    return { bound, head: reader.rest }
  } catch (cause) {
    if (!(cause instanceof ProtocolError) && !isEarlyEnd(cause)) throw cause
    throw new MptkError('MPTK_UPSTREAM', `the upstream proxy broke the protocol: ${cause.message}`, { cause })
  }
}

async function authenticate(
  connection: Connection,
  reader: MessageReader,
  credentials: Credentials | undefined,
): Promise<void> {
  const offered = credentials === undefined ? METHOD.none : METHOD.password
  await connection.write(encodeGreeting([offered]))
  const chosen = await reader.next(pair(VERSION))
  if (chosen !== offered) {
    const wanted = credentials === undefined ? 'wants a password and none is configured' : 'takes no password'
    throw new MptkError('MPTK_UPSTREAM', `the upstream proxy ${wanted} (it chose method ${chosen})`)
  }
  if (credentials === undefined) return
  await connection.write(encodeCredentials(credentials.username, credentials.password))
  if ((await reader.next(pair(1))) !== 0) {
    throw new MptkError(
      'MPTK_UPSTREAM',
      `the upstream proxy refused the password of ${JSON.stringify(credentials.username)}`,
    )
  }
}

/** The two-byte answers: version, then a value. */
function pair(version: number) {
  return (bytes: Buffer): { value: number; length: number } | undefined => {
    if (bytes[0] !== version) throw new ProtocolError(`expected version ${version}, found ${bytes[0]}`)
    return bytes[1] === undefined ? undefined : { value: bytes[1], length: 2 }
  }
}

function isEarlyEnd(error: unknown): error is MptkError {
  return error instanceof MptkError && error.code === 'MPTK_HANDSHAKE'
}
