/**
 * An HTTP proxy's opening: CONNECT (RFC 9110 §9.3.6), a request for another server in
 * absolute-form, or one for this proxy itself. One request a connection: behind a CONNECT all
 * that follows belongs to the same destination, behind another request nothing is read.
 */
import type { Destination } from '../../src/address.js'
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { closeGently } from '../close-gently.js'
import { valuesOf } from '../http/fields.js'
import { absoluteTarget, requestedHost, type AbsoluteTarget } from '../http/authority.js'
import { decodeRequestHead, MAX_HEAD, RequestProblem, type RequestHead } from '../http/request-head.js'
import { encodeResponse, type Answer, type Status } from '../http/response.js'
import { MessageReader } from '../message-reader.js'
import { plainHost } from '../plain-host.js'
import type { Handshake, Request } from '../request.js'
import { logIn, LogInRefused } from '../users/log-in.js'
import type { Users } from '../users/users.js'
import { spokenBy, wrongProtocol } from '../wrong-protocol.js'
import { CHALLENGE, proxyCredentials } from './authorization.js'
import { failureResponse } from './failure.js'
import { forwarded } from './exchange.js'
import { isLastHop } from './forward.js'

const CONNECTED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n')

/** What requests for this proxy itself get: undefined is 404. */
export type OwnPages = (client: Connection, path: string) => Answer | undefined

/** @param users undefined for a service without authentication */
export function connectHandshake(users: Users | undefined, pages: OwnPages): Handshake {
  return async (client) => {
    const reader = new MessageReader(client, MAX_HEAD)
    try {
      return await open(client, reader, users, pages)
    } catch (error) {
      if (error instanceof RequestProblem) await closeGently(client, problemAnswer(error, reader.rest))
      throw error
    }
  }
}

/** @param bytes what the client sent, of which no head could be made */
function problemAnswer({ status, http, message }: RequestProblem, bytes: Buffer): Buffer {
  const answer = http || spokenBy(bytes) === 'http' ? undefined : wrongProtocol(bytes, '')
  return answer ?? encodeResponse(status, { body: `${message}\n` })
}

async function open(
  client: Connection,
  reader: MessageReader,
  users: Users | undefined,
  pages: OwnPages,
): Promise<Request | undefined> {
  const head = await reader.next(decodeRequestHead)
  requestedHost(head)
  const target = head.method === 'CONNECT' ? undefined : absoluteTarget(head.target)
  if (head.method !== 'CONNECT' && target === undefined) {
    await answerSelf(client, head, pages)
    return undefined
  }
  const user = users === undefined ? undefined : await authenticate(client, head, users)
  if (target === undefined) return tunnel(client, reader, head, user)
  if (head.method === 'TRACE') throw await refused(client, head, 405, { fields: { Allow: 'CONNECT' } })
  if (isLastHop(head)) {
    await closeGently(client, encodeResponse(204))
    return undefined
  }
  return forward(client, reader, { head, target }, user)
}

/** @throws {MptkError} MPTK_HANDSHAKE when the client has been told that its word is not enough */
async function authenticate(client: Connection, head: RequestHead, users: Users): Promise<string> {
  const given = proxyCredentials(head)
  const refuse = (why: string): Promise<MptkError> => refused(client, head, 407, { fields: CHALLENGE }, why)
  if (given === undefined) throw await refuse('the client gives no user name and password')
  const { username } = given
  // a client that has sent its request may end its direction and still wait for the answer
  const verdict = await logIn(client, users, given, 'break')
  if (verdict !== 'right') {
    const error = new LogInRefused(verdict, username)
    await refuse(error.message)
    throw error
  }
  return username
}

function tunnel(
  client: Connection,
  reader: MessageReader,
  head: RequestHead,
  user: string | undefined,
): Request {
  const authority = requestedHost(head)
  const body =
    valuesOf(head, 'transfer-encoding').length > 0 || !valuesOf(head, 'content-length').every(isZero)
  if (body) throw new RequestProblem('a CONNECT request has no body')
  if (authority?.port === undefined) {
    throw new RequestProblem(`expected host:port, found ${JSON.stringify(head.target)}`)
  }
  return {
    destination: destination(authority.host, authority.port),
    ...(user !== undefined && { user }),
    ...(reader.rest.length > 0 ? { head: reader.rest } : { leaving: 'end' }),
    proceed: () => client.write(CONNECTED),
    abort: (reason) => closeGently(client, failureResponse(reason, false)),
  }
}

function forward(
  client: Connection,
  reader: MessageReader,
  { head, target }: { head: RequestHead; target: AbsoluteTarget },
  user: string | undefined,
): Request {
  if (target.scheme !== 'http') {
    throw new RequestProblem(`expected an http address or CONNECT, found ${target.scheme}`)
  }
  return {
    destination: destination(target.authority.host, target.authority.port ?? 80),
    ...(user !== undefined && { user }),
    message: forwarded(head, target, reader.rest),
    proceed: () => Promise.resolve(),
    abort: (reason) => closeGently(client, failureResponse(reason, head.method === 'HEAD')),
  }
}

function destination(given: string, port: number): Destination {
  const host = plainHost(given)
  if (host === undefined || port === 0) {
    throw new RequestProblem(`no host to connect to: ${JSON.stringify(`${given}:${port}`)}`)
  }
  return { host, port }
}

function isZero(length: string): boolean {
  return /^0+$/.test(length)
}

async function answerSelf(client: Connection, head: RequestHead, pages: OwnPages): Promise<void> {
  const headOnly = head.method === 'HEAD'
  if (head.method !== 'GET' && !headOnly) throw await refused(client, head, 405, { fields: { Allow: 'GET' } })
  const page = pages(client, head.target)
  await closeGently(client, encodeResponse(page === undefined ? 404 : 200, { ...page, headOnly }))
}

/** Tells the client; the error is for the record. */
async function refused(
  client: Connection,
  head: RequestHead,
  status: Status,
  answer: Answer = {},
  why = `${head.method} of this proxy was answered with ${status}`,
): Promise<MptkError> {
  await closeGently(client, encodeResponse(status, { ...answer, headOnly: head.method === 'HEAD' }))
  return new MptkError('MPTK_HANDSHAKE', why)
}
