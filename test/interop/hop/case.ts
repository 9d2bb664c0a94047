/** What a case of the corpus is, and how it is played against a proxy. */
import { connectTo, type Origin, type Peer, type Script } from './peers.js'

/** What only the proxy may ever see. */
export const SECRET = 'YWxpY2U6c2VjcmV0'

export interface Seen {
  /** What the client got, and how its connection ended. */
  client: string
  ended: Peer['ended']
  /** What the origins got that the client asked for first, and for its later request. */
  first: string
  victim: string
  /** How often the first origin was connected to. */
  connections: number
}

export interface HopCase {
  group: string
  name: string
  /** What the first origin does with a connection. */
  origin: Script
  client: (peer: Peer, to: { first: string; victim: string }) => Promise<void> | void
  /** What was done wrong, beyond what every case looks for. */
  fault: (seen: Seen) => string | undefined
}

export interface Stage {
  first: Origin
  victim: Origin
}

/** Answers every request with its own name, and goes on. */
const VICTIM: Script = async (peer) => {
  if (await peer.sees('\r\n\r\n')) peer.send(response('from the victim'))
}

/** @returns what was done wrong, or undefined */
export async function play(
  each: HopCase,
  port: number,
  { first, victim }: Stage,
): Promise<string | undefined> {
  first.play(each.origin)
  victim.play(VICTIM)
  const peer = await connectTo(port, first.patience)
  try {
    await each.client(peer, { first: first.address, victim: victim.address })
    await peer.seesEnd()
    const seen: Seen = {
      client: peer.received,
      ended: peer.ended,
      first: first.received,
      victim: victim.received,
      connections: first.connections.length,
    }
    return always(seen) ?? each.fault(seen)
  } finally {
    peer.socket.destroy()
  }
}

function always({ first, victim }: Seen): string | undefined {
  if (first.includes('/stolen')) return 'a request for another host reached the first one'
  if (/proxy-(authorization|connection)/i.test(first + victim) || (first + victim).includes(SECRET)) {
    return 'an origin was told what is for the proxy alone'
  }
  return undefined
}

export function response(body: string, ...fields: string[]): string {
  return ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n')
}

/** In absolute-form, as programs send it to a proxy: with a password for the proxy and a cookie for the host. */
export function request(
  host: string,
  { path = '/wanted', method = 'GET', version = '1.1', fields = [], body = '' }: Partial<RequestParts> = {},
): string {
  const head = [
    `${method} http://${host}${path} HTTP/${version}`,
    `Host: ${host}`,
    `Cookie: of=${path}`,
    `Proxy-Authorization: Basic ${SECRET}`,
    'Proxy-Connection: keep-alive',
    ...fields,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

interface RequestParts {
  path: string
  method: string
  version: string
  fields: string[]
  body: string
}
