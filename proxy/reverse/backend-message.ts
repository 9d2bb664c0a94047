/** One request for a backend and its answer, both passed on as they come. */
import { encodeHead, listOf, valuesOf, type Field } from '../http/fields.js'
import { requestEnd, responseEnd } from '../http/framing.js'
import { readAnswer } from '../http/answer.js'
import { RequestProblem, type RequestHead } from '../http/request-head.js'
import { encodeResponse } from '../http/response.js'
import type { ResponseHead } from '../http/response-head.js'
import { upgradeFields, upgradesAsked } from '../http/upgrade.js'
import type { Answer, Message, Peers } from '../message.js'

/** @param rest what came behind the head @throws {RequestProblem} */
export function backendMessage(head: RequestHead, rest: Buffer): Message {
  if (head.method === 'CONNECT')
    throw new RequestProblem('CONNECT is for proxies, and this is none for clients')
  const end = requestEnd(head)
  const upgrades = upgradesAsked(head, end)
  return {
    head: withoutOtherUpgrades(head, upgrades),
    rest,
    end,
    keep: true,
    answer: (peers, early) => answer(peers, early, head, upgrades),
    apology: (_, whose) =>
      encodeResponse(whose === 'client' ? 400 : 502, { headOnly: head.method === 'HEAD' }),
  }
}

async function answer(
  { client, remote }: Peers,
  early: Buffer,
  request: RequestHead,
  upgrades: readonly string[],
): Promise<Answer> {
  const { head, rest } = await readAnswer(remote, early, upgrades, ({ raw }) => client.write(raw))
  if (head.status === 101) return { part: { head: head.raw, rest }, how: 'switch' }
  const end = responseEnd(request.method, head)
  const close = end === undefined || !goesOn(request) || !goesOn(head) || isDoubtful(head)
  return { part: { head: head.raw, rest, ...(end !== undefined && { end }), close }, how: 'final' }
}

/** RFC 9112 §9.3. */
function goesOn(head: RequestHead | ResponseHead): boolean {
  const options = listOf(head, 'connection')
  return !options.includes('close') && (head.minor > 0 || options.includes('keep-alive'))
}

/** The client could see another end of this answer than we do, and take the rest for the next one. */
function isDoubtful(head: ResponseHead): boolean {
  return valuesOf(head, 'content-length').length + valuesOf(head, 'transfer-encoding').length > 1
}

/** The head as it came, unless it asks for what we do not pass on. */
function withoutOtherUpgrades(head: RequestHead, upgrades: readonly string[]): Buffer {
  if (listOf(head, 'upgrade').length === upgrades.length) return head.raw
  const options = listOf(head, 'connection').filter(
    (option) => !['upgrade', 'http2-settings'].includes(option),
  )
  const kept = head.fields.filter(
    ({ name }) => !['connection', 'upgrade', 'http2-settings'].includes(name.toLowerCase()),
  )
  const connection: Field[] = options.length === 0 ? [] : [{ name: 'Connection', value: options.join(', ') }]
  const wished = upgrades.length === 0 ? [] : upgradeFields(upgrades)
  return encodeHead(`${head.method} ${head.target} HTTP/1.${head.minor}`, [...kept, ...connection, ...wished])
}
