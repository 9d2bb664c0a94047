/** The DNS servers of resolv.conf, asked one after another, a name and its longer forms. */
import type { Cancellation } from '../cancel.js'
import type { Answer, Family } from './answer.js'
import { askServer, type DnsQuestion } from './dns-question.js'
import { candidates, type ResolvConf } from './resolv-conf.js'

/** How long a server that says nothing at all is asked last, milliseconds. */
const DEMOTED = 30_000

export class DnsServers {
  readonly #ask: (question: DnsQuestion) => Promise<Answer>
  readonly #now: () => number
  /** When each last answered anything, and until when it is asked last. */
  readonly #answered = new Map<string, number>()
  readonly #demoted = new Map<string, number>()

  constructor(ask = askServer, now: () => number = () => performance.now()) {
    this.#ask = ask
    this.#now = now
  }

  /** As res_search(3): the first of the name's forms that exists. */
  async lookup(name: string, family: Family, conf: ResolvConf, signal: Cancellation): Promise<Answer> {
    let failed: Answer | undefined
    for (const candidate of candidates(name, conf)) {
      if (!isDnsName(candidate)) continue
      const answer = await this.#askAll(candidate, family, conf, signal)
      if (answer.kind === 'found') return answer
      if (answer.kind === 'failed') {
        failed ??= answer
        // a server that fails for one form may know another; nobody's answering is final
        if (answer.reason !== 'ESERVFAIL') break
      }
    }
    return failed ?? { kind: 'missing' }
  }

  /** The first word that counts, of any server. */
  async #askAll(name: string, family: Family, conf: ResolvConf, signal: Cancellation): Promise<Answer> {
    let failed: Answer = { kind: 'failed', reason: 'ETIMEOUT' }
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const server of this.#inOrder(conf.servers)) {
        const asked = this.#now()
        const answer = await this.#ask({ name, family, server, timeout: conf.timeout, signal })
        if (answer.kind !== 'failed') {
          this.#answered.set(server, this.#now())
          this.#demoted.delete(server)
          return answer
        }
        failed = answer
        this.#judge(server, asked, answer.reason)
      }
      // an answer that asking again does not change
      if (failed.reason !== 'ETIMEOUT') break
    }
    return failed
  }

  /** Silence about one name is no fault of a server that answers others. */
  #judge(server: string, asked: number, reason: string): void {
    if (reason !== 'ETIMEOUT' && reason !== 'ECONNREFUSED') this.#answered.set(server, this.#now())
    else if ((this.#answered.get(server) ?? -Infinity) < asked) {
      this.#demoted.set(server, this.#now() + DEMOTED)
    }
  }

  #inOrder(servers: readonly string[]): string[] {
    const now = this.#now()
    const isDemoted = (server: string): boolean => (this.#demoted.get(server) ?? -Infinity) > now
    return [...servers.filter((each) => !isDemoted(each)), ...servers.filter(isDemoted)]
  }
}

/** RFC 1035 §2.3.4; what is longer or has an empty label no server can be asked. */
function isDnsName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => label.length >= 1 && label.length <= 63)
}
