/**
 * Upgrades (RFC 9110 §7.8): a client asks for another protocol, and what follows the answer 101 is opaque.
 *
 * Protocols that carry requests themselves (h2c, TLS as in RFC 2817) are not passed on: on them the client
 * would go on with requests for other hosts, which nobody here could see any more. WebSocket and
 * its like talk to the one host that was asked for.
 */
import { listOf, type Field, type Fields } from './fields.js'

/** `h2c`, `HTTP/2.0`, `TLS/1.2`. */
const CARRIES_REQUESTS = /^(h\d|https?|spdy|tls|ssl)\b|^h2c/

/**
 * The protocols that the request asks for and that we pass on; none where it has a body, behind which
 * the beginning of the other protocol could not be told.
 */
export function upgradesAsked(head: Fields & { minor: number }, bodyEnd: number | 'chunked'): string[] {
  if (head.minor === 0 || bodyEnd !== 0 || !listOf(head, 'connection').includes('upgrade')) return []
  return listOf(head, 'upgrade').filter((protocol) => !CARRIES_REQUESTS.test(protocol))
}

/** Whether the answer 101 is one to these wishes. */
export function isUpgradeTo(answer: Fields, asked: readonly string[]): boolean {
  const chosen = listOf(answer, 'upgrade')
  return chosen.length > 0 && chosen.every((protocol) => asked.includes(protocol))
}

/** What asks for these, or says that it was granted. */
export function upgradeFields(protocols: readonly string[]): Field[] {
  return [
    { name: 'Connection', value: 'upgrade' },
    { name: 'Upgrade', value: protocols.join(', ') },
  ]
}
