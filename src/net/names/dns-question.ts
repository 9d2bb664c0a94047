/** One name asked of one DNS server: both families at once, by Node's c-ares, on no thread. */
import { Resolver, type AnyARecord, type AnyAaaaRecord } from 'node:dns'
import type { Cancellation } from '../cancel.js'
import type { Answer, Family } from './answer.js'

/**
 * How long a family that has not been answered is waited for once the other is there,
 * milliseconds. RFC 8305 §3 has 50 and takes late addresses in; here they are not asked for again
 * while the answer is kept, so a server gets time to look both up.
 */
const SECOND_FAMILY = 500
/** An answer without one of the families is kept no longer, milliseconds. */
const PARTIAL_TTL = 2000

/** Of one family: its addresses, 'none' (there are none), 'missing' (no such name), or why there is no answer. */
type Part = { addresses: string[]; ttl: number } | { code: string }

export interface DnsQuestion {
  name: string
  family: Family
  server: string
  /** Milliseconds. */
  timeout: number
  signal: Cancellation
}

/** A resolver of its own for each question, so that it has a port of its own (RFC 5452 §9.2) and can be cancelled alone. */
export async function askServer({ name, family, server, timeout, signal }: DnsQuestion): Promise<Answer> {
  const resolver = new Resolver({ timeout, tries: 1 })
  // setServers drops the zone of a link-local address, which c-ares itself reads in resolv.conf
  if (!server.includes('%')) resolver.setServers([server])
  const onAbort = (): void => resolver.cancel()
  signal.addEventListener('abort', onAbort, { once: true })
  // c-ares looks at its own limit once a second
  const timer = setTimeout(() => resolver.cancel(), timeout)
  try {
    const parts = await bothFamilies(resolver, name, family)
    signal.throwIfAborted()
    return combine(parts)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    resolver.cancel()
  }
}

/** Ends with the later one, or some time after the first that has addresses. */
function bothFamilies(resolver: Resolver, name: string, family: Family): Promise<Part[]> {
  return new Promise((resolve) => {
    const parts: Part[] = []
    let waiting = family === 0 ? 2 : 1
    let timer: NodeJS.Timeout | undefined
    const take = (part: Part): void => {
      parts.push(part)
      waiting--
      if (waiting === 0) {
        clearTimeout(timer)
        resolve(parts)
      } else if ('addresses' in part) timer = setTimeout(() => resolver.cancel(), SECOND_FAMILY)
    }
    const onAnswer = (
      error: NodeJS.ErrnoException | null,
      records: Pick<AnyARecord | AnyAaaaRecord, 'address' | 'ttl'>[],
    ): void => {
      // what is cancelled took too long; a question that nobody waits for ends otherwise
      if (error !== null)
        take({ code: error.code === 'ECANCELLED' ? 'ETIMEOUT' : (error.code ?? error.message) })
      else if (records.length === 0) take({ code: 'ENODATA' })
      else {
        take({
          addresses: records.map(({ address }) => address),
          ttl: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
        })
      }
    }
    if (family !== 6) resolver.resolve4(name, { ttl: true }, onAnswer)
    if (family !== 4) resolver.resolve6(name, { ttl: true }, onAnswer)
  })
}

/** There is nothing of the kind, says a server that knows. */
const MISSING: readonly string[] = ['ENOTFOUND', 'ENODATA']

function combine(parts: readonly Part[]): Answer {
  const found = parts.filter((part) => 'addresses' in part)
  const failure = parts.find((part) => 'code' in part && !MISSING.includes(part.code))
  if (found.length === 0) {
    if (failure === undefined || !('code' in failure)) return { kind: 'missing' }
    return { kind: 'failed', reason: failure.code }
  }
  const addresses = found.flatMap((part) => part.addresses)
  const ttl = Math.min(...found.map((part) => part.ttl))
  return {
    kind: 'found',
    ipv4: addresses.filter((address) => !address.includes(':')),
    ipv6: addresses.filter((address) => address.includes(':')),
    ttl: failure === undefined ? ttl : Math.min(ttl, PARTIAL_TTL),
  }
}
