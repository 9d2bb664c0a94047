/** One forwarded request and its response: this proxy's hop, owned in both directions. */
import type { AbsoluteTarget } from '../http/authority.js'
import { readAnswer } from '../http/answer.js'
import { requestEnd } from '../http/framing.js'
import type { RequestHead } from '../http/request-head.js'
import { encodeResponse } from '../http/response.js'
import { ResponseProblem } from '../http/response-head.js'
import { upgradesAsked } from '../http/upgrade.js'
import type { Answer, Message, Peers } from '../message.js'
import { clientHead, interimHead, originHead, switchHead } from './forward.js'

/** @param rest what came behind the head @throws {RequestProblem} */
export function forwarded(head: RequestHead, target: AbsoluteTarget, rest: Buffer): Message {
  const end = requestEnd(head)
  const upgrades = upgradesAsked(head, end)
  return {
    head: originHead(head, target, upgrades),
    rest,
    end,
    keep: upgrades.length > 0,
    answer: (peers, early) => answer(peers, early, head, upgrades),
    apology: (reason, whose) => apology(reason, whose, head.method === 'HEAD'),
  }
}

async function answer(
  { client, remote }: Peers,
  early: Buffer,
  request: RequestHead,
  upgrades: readonly string[],
): Promise<Answer> {
  const { head, rest } = await readAnswer(remote, early, upgrades, async (interim) => {
    // RFC 9110 §15.2: a client of HTTP/1.0 knows none
    if (request.minor > 0) await client.write(interimHead(interim))
  })
  if (head.status === 101) return { part: { head: switchHead(head), rest }, how: 'switch' }
  const { head: rewritten, end } = clientHead(request, head)
  return { part: { head: rewritten, rest, ...(end !== undefined && { end }), close: true }, how: 'final' }
}

function apology(reason: unknown, whose: 'client' | 'destination', headOnly: boolean): Buffer {
  if (whose === 'client')
    return encodeResponse(400, { body: 'the chunks of the body cannot be read\n', headOnly })
  const [error, text] =
    reason instanceof ResponseProblem
      ? [reason.error, reason.message]
      : (['connection_terminated', 'the server broke the connection off'] as const)
  return encodeResponse(502, {
    fields: { 'Proxy-Status': `mptk; error=${error}` },
    body: `${text}\n`,
    headOnly,
  })
}
