/** Reading the beginning of an answer from a server: interim responses, then the one that counts. */
import { MptkError } from '../../src/errors.js'
import type { Connection } from '../../src/net/connection.js'
import { MessageReader } from '../message-reader.js'
import { decodeResponseHead, MAX_RESPONSE_HEAD, ResponseProblem, type ResponseHead } from './response-head.js'
import { isUpgradeTo } from './upgrade.js'

/** A server has no use for more of them. */
const MAX_INTERIM = 64

export interface ReadAnswer {
  head: ResponseHead
  /** What came behind it. */
  rest: Buffer
}

/**
 * @param early what came from the server before the request was sent
 * @param upgrades the protocols to which the server may switch
 * @param interim what to do with each 1xx before the answer
 * @throws {ResponseProblem} and what the connection throws
 */
export async function readAnswer(
  remote: Connection,
  early: Buffer,
  upgrades: readonly string[],
  interim: (head: ResponseHead) => Promise<void>,
): Promise<ReadAnswer> {
  const reader = new MessageReader(remote, MAX_RESPONSE_HEAD, early)
  for (let count = 0; count <= MAX_INTERIM; count++) {
    const head = await nextHead(reader)
    const switches = head.status === 101
    if (switches && !isUpgradeTo(head, upgrades)) {
      throw new ResponseProblem('the server switches to a protocol that was not asked for')
    }
    if (head.status >= 200 || switches) return { head, rest: reader.rest }
    await interim(head)
  }
  throw new ResponseProblem(`the server sends more than ${MAX_INTERIM} interim responses`)
}

async function nextHead(reader: MessageReader): Promise<ResponseHead> {
  try {
    return await reader.next(decodeResponseHead)
  } catch (error) {
    if (error instanceof ResponseProblem || !(error instanceof MptkError)) throw error
    throw new ResponseProblem('the server ended the connection without an answer', 'connection_terminated')
  }
}
