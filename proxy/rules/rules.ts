/**
 * Who may go where. The first rule that matches decides; then the built-in protection of
 * this host; then everything is allowed. Names are judged before any DNS, addresses after
 * it, so that a name cannot smuggle a forbidden address past a rule.
 */
import { familyOf, formatAddress, PrefixSet, type Destination } from '../../src/address.js'
import type { RuleConfig } from '../../src/config/service.js'
import { MptkError } from '../../src/errors.js'
import { DestinationPatterns } from './destinations.js'
import { protectedReason } from './protected.js'

export interface Subject {
  /** Client's IP address. */
  source: string
  user?: string
}

/** `depends`: a rule before any decision speaks of addresses, and the name is not resolved yet. */
type Decision = 'allow' | 'deny' | 'depends' | undefined

interface Rule {
  action: 'allow' | 'deny'
  /** Undefined for anywhere. */
  destinations: DestinationPatterns | undefined
  ports: [number, number][] | undefined
  users: Set<string> | undefined
  sources: PrefixSet | undefined
}

export class Rules {
  readonly #rules: Rule[]

  constructor(rules: readonly RuleConfig[]) {
    this.#rules = rules.map(compile)
  }

  /**
   * Judges a request before DNS.
   * @param resolved whether a name's addresses will be judged later; where an upstream resolves
   *   it, they will not, and a rule about prefixes matches no name
   * @throws {MptkError} MPTK_DENIED
   */
  admit(subject: Subject, destination: Destination, resolved: boolean): void {
    const literal = familyOf(destination.host) !== 0
    const allowed = literal
      ? this.allows(subject, destination, destination.host)
      : this.#decide(subject, destination, undefined, resolved) !== 'deny'
    if (allowed) return
    const reason = literal ? protectedReason(destination.host) : undefined
    throw new MptkError(
      'MPTK_DENIED',
      `${formatAddress(destination)} is not allowed${reason === undefined ? ' by the rules' : `: ${reason}`}`,
    )
  }

  /** Judges one address of an admitted destination. */
  allows(subject: Subject, destination: Destination, address: string): boolean {
    const decision = this.#decide(subject, destination, address, true)
    return decision === undefined ? protectedReason(address) === undefined : decision === 'allow'
  }

  #decide(
    subject: Subject,
    { host, port }: Destination,
    address: string | undefined,
    resolved: boolean,
  ): Decision {
    for (const rule of this.#rules) {
      if (rule.ports?.every(([first, last]) => port < first || port > last)) continue
      if (rule.users !== undefined && !rule.users.has(subject.user ?? '')) continue
      if (rule.sources !== undefined && !rule.sources.has(subject.source)) continue
      const matched = rule.destinations?.matches(host, address) ?? true
      if (matched === 'depends') {
        if (resolved) return 'depends'
        continue
      }
      // an address of this host is opened only by a rule that names the address
      if (matched && rule.action === 'allow' && address !== undefined) {
        const byAddress = rule.destinations?.hasAddress(address) === true
        if (byAddress || protectedReason(address) === undefined) return 'allow'
      } else if (matched) return rule.action
    }
    return undefined
  }
}

function compile(config: RuleConfig): Rule {
  const action = config.allow === undefined ? 'deny' : 'allow'
  const { destinations, ports, users, sources } = config.allow ?? config.deny ?? {}
  return {
    action,
    destinations: destinations && new DestinationPatterns(destinations),
    ports,
    users: users && new Set(users),
    sources: sources && new PrefixSet(sources),
  }
}
