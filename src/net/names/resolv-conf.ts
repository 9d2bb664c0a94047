/** /etc/resolv.conf (resolv.conf(5)): whom to ask, how long, and what may be appended to a short name. */
import { familyOf } from '../../address.js'

export interface ResolvConf {
  /** As Node's `setServers` takes them; a link-local one keeps its zone. */
  servers: string[]
  search: string[]
  /** Names with fewer dots are tried with the search list first. */
  ndots: number
  /** For one server to answer, milliseconds. */
  timeout: number
  /** How often all servers are asked. */
  attempts: number
}

/** As glibc (resolv.h: MAXNS, RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY). */
const MOST_SERVERS = 3
const MOST = { ndots: 15, timeout: 30, attempts: 5 }
const LEAST = { ndots: 0, timeout: 1, attempts: 1 }

/** @param hostName of this machine: its domain is the search list where the file names none */
export function parseResolvConf(text: string, hostName: string): ResolvConf {
  const servers: string[] = []
  let search: string[] | undefined
  const options = { ndots: 1, timeout: 5, attempts: 2 }
  for (const line of text.split('\n')) {
    const [keyword, ...words] = (line.split(/[#;]/, 1)[0] ?? '').trim().split(/\s+/)
    if (keyword === 'nameserver' && isServer(words[0] ?? '')) servers.push(words[0] ?? '')
    // the last of either counts
    else if (keyword === 'search') search = words
    else if (keyword === 'domain') search = words.slice(0, 1)
    else if (keyword === 'options') for (const word of words) readOption(word, options)
  }
  return {
    servers: servers.length > 0 ? servers.slice(0, MOST_SERVERS) : ['127.0.0.1'],
    search: (search ?? domainOf(hostName)).map(plainDomain).filter((domain) => domain !== ''),
    ndots: options.ndots,
    timeout: options.timeout * 1000,
    attempts: options.attempts,
  }
}

/** An address, or as OpenBSD writes one with a port: `[127.0.0.1]:5300`. */
function isServer(word: string): boolean {
  const [, address, port] = /^\[([^\]]+)\]:(\d{1,5})$/.exec(word) ?? []
  if (address === undefined) return familyOf(word) !== 0
  return familyOf(address) !== 0 && Number(port) >= 1 && Number(port) <= 65535
}

function readOption(word: string, options: { ndots: number; timeout: number; attempts: number }): void {
  const [, name, digits] = /^(ndots|timeout|attempts):(\d{1,6})$/.exec(word) ?? []
  if (name !== 'ndots' && name !== 'timeout' && name !== 'attempts') return
  options[name] = Math.min(MOST[name], Math.max(LEAST[name], Number(digits)))
}

function domainOf(hostName: string): string[] {
  const dot = hostName.indexOf('.')
  return dot < 0 ? [] : [hostName.slice(dot + 1)]
}

function plainDomain(domain: string): string {
  return domain.toLowerCase().replace(/\.+$/, '')
}

/** The full names that a name may stand for, in the order to try them. */
export function candidates(name: string, { search, ndots }: ResolvConf): string[] {
  const longer = search.map((domain) => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...longer] : [...longer, name]
}
