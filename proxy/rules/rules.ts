/**
 * Who may go where. The first rule that matches decides; then the built-in protection of
 * this host; then everything is allowed. Names are judged before any DNS, addresses after
 * it, so that a name cannot smuggle a forbidden address past a rule.
 */
import { familyOf, formatAddress, plainAddress, PrefixSet, type Destination } from '../../src/address.js'
import type { RuleConfig } from '../../src/config/service.js'
import { MptkError } from '../../src/errors.js'
import type { SocketWay } from '../../src/kernel/route-lookup.js'
import { DestinationPatterns } from './destinations.js'
import { embeddedIPv4, nat64Prefixes, type Nat64Prefix } from './embedded-ipv4.js'
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

/** What the host and the service add to the rules. */
export interface Surroundings {
  /** Prefixes of the network's own translators to IPv4. */
  nat64?: readonly string[] | undefined
  /** Of the sockets that go straight to destinations. */
  way?: SocketWay | undefined
}

export class Rules {
  readonly #rules: Rule[]
  readonly #nat64: Nat64Prefix[]
  readonly #way: SocketWay

  constructor(rules: readonly RuleConfig[], { nat64 = [], way = {} }: Surroundings = {}) {
    this.#rules = rules.map(compile)
    this.#nat64 = nat64Prefixes(nat64)
    const { mark, device, source } = way
    this.#way = { mark, device, source }
  }

  /**
   * Judges a request before DNS.
   * @param resolved whether a name's addresses will be judged later; where an upstream resolves
   *   it, they will not, and a rule about prefixes matches no name
   * @throws {MptkError} MPTK_DENIED @throws {SystemError} when the kernel cannot be asked about an address
   */
  admit(subject: Subject, destination: Destination, resolved: boolean): void {
    const why =
      familyOf(destination.host) !== 0
        ? this.#refusal(subject, destination, destination.host)
        : this.#decide(subject, destination, undefined, resolved) === 'deny'
          ? ' by the rules'
          : undefined
    if (why === undefined) return
    throw new MptkError('MPTK_DENIED', `${formatAddress(destination)} is not allowed${why}`)
  }

  /** Judges one address of an admitted destination. @throws {SystemError} when the kernel cannot be asked about it */
  allows(subject: Subject, destination: Destination, address: string): boolean {
    return this.#refusal(subject, destination, address) === undefined
  }

  /** Why the address, or one in IPv4 that it carries, may not be reached; undefined when it may. */
  #refusal(subject: Subject, destination: Destination, address: string): string | undefined {
    for (const each of [address, ...embeddedIPv4(plainAddress(address), this.#nat64)]) {
      const judged = new JudgedAddress(each, this.#way)
      const decision = this.#decide(subject, destination, judged, true)
      if (decision === 'allow' || (decision === undefined && judged.reason === undefined)) continue
      const carried = each === address ? '' : `, for it carries ${each}`
      return `${carried}${decision === 'deny' ? ' by the rules' : `: ${judged.reason}`}`
    }
    return undefined
  }

  #decide(
    subject: Subject,
    { host, port }: Destination,
    judged: JudgedAddress | undefined,
    resolved: boolean,
  ): Decision {
    for (const rule of this.#rules) {
      if (rule.ports?.every(([first, last]) => port < first || port > last)) continue
      if (rule.users !== undefined && !rule.users.has(subject.user ?? '')) continue
      if (rule.sources !== undefined && !rule.sources.has(subject.source)) continue
      const matched = rule.destinations?.matches(host, judged?.address) ?? true
      if (matched === 'depends') {
        if (resolved) return 'depends'
        continue
      }
      // an address of this host is opened only by a rule that names the address
      if (matched && rule.action === 'allow' && judged !== undefined) {
        const byAddress = rule.destinations?.hasAddress(judged.address) === true
        if (byAddress || judged.reason === undefined) return 'allow'
      } else if (matched) return rule.action
    }
    return undefined
  }
}

/** The kernel is asked about an address when its answer matters, and once. */
class JudgedAddress {
  readonly address: string
  readonly #way: SocketWay
  #reason: { text: string | undefined } | undefined

  constructor(address: string, way: SocketWay) {
    this.address = address
    this.#way = way
  }

  /** Why it is protected, if it is. */
  get reason(): string | undefined {
    this.#reason ??= { text: protectedReason(this.address, this.#way) }
    return this.#reason.text
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
