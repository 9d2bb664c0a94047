/**
 * Looks names up as this host is set up to: hosts(5), resolv.conf(5), nsswitch.conf(5), each read
 * again when it has changed. Not by getaddrinfo, which takes one of libuv's four threads for as
 * long as a server is silent and cannot be stopped.
 */
import { hostname } from 'node:os'
import type { Cancellation } from '../cancel.js'
import { ofFamily, type Answer, type Family } from './answer.js'
import { DnsServers } from './dns-servers.js'
import { parseHosts, type Hosts } from './hosts-file.js'
import { inetAton } from './inet-aton.js'
import { askModule, concerns } from './name-module.js'
import { parseNsswitch, type NameSource } from './nsswitch.js'
import { parseResolvConf, type ResolvConf } from './resolv-conf.js'
import { WatchedFile } from './watched-file.js'

export interface NameFiles {
  hosts: string
  resolvConf: string
  nsswitch: string
}

const FILES: NameFiles = {
  hosts: '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
  nsswitch: '/etc/nsswitch.conf',
}
const NOTHING = { ipv4: [], ipv6: [] }
/** RFC 6761 §6.3. */
const LOCALHOST = { ipv4: ['127.0.0.1'], ipv6: ['::1'] }

export class SystemNames {
  readonly #hosts: WatchedFile<Hosts>
  readonly #conf: WatchedFile<ResolvConf>
  readonly #order: WatchedFile<NameSource[]>
  readonly #servers: DnsServers
  readonly #askModule: typeof askModule

  constructor(files: NameFiles = FILES, servers = new DnsServers(), ask = askModule) {
    this.#hosts = new WatchedFile(files.hosts, parseHosts)
    this.#conf = new WatchedFile(files.resolvConf, (text) => parseResolvConf(text, hostname()))
    this.#order = new WatchedFile(files.nsswitch, parseNsswitch)
    this.#servers = servers
    this.#askModule = ask
  }

  /** Another text once one of the files has changed: answers from before are old. */
  version(): string {
    return [this.#hosts, this.#conf, this.#order].map((file) => file.version()).join(' ')
  }

  /** @throws the signal's reason */
  async lookup(given: string, family: Family, signal: Cancellation): Promise<Answer> {
    signal.throwIfAborted()
    const name = given.toLowerCase().replace(/\.$/, '')
    const literal = inetAton(name)
    if (literal !== undefined) return known({ ipv4: [literal], ipv6: [] }, family)
    if (name === 'localhost' || name.endsWith('.localhost')) {
      return known(this.#hosts.read().get(name) ?? LOCALHOST, family)
    }
    let failed: Answer | undefined
    for (const { module, final } of this.#order.read()) {
      const answer = await this.#ask(module, name, family, signal)
      signal.throwIfAborted()
      if (answer === undefined) continue
      if (answer.kind === 'found') return answer
      if (answer.kind === 'failed') failed ??= answer
      else if (final) break
    }
    return failed ?? { kind: 'missing' }
  }

  /** Undefined for a module that is not asked for such a name. */
  async #ask(
    module: string,
    name: string,
    family: Family,
    signal: Cancellation,
  ): Promise<Answer | undefined> {
    if (module === 'files') {
      return known(this.#hosts.read().get(name) ?? NOTHING, family)
    }
    if (module === 'dns') return await this.#servers.lookup(name, family, this.#conf.read(), signal)
    if (!concerns(module, name)) return undefined
    const answer = await this.#askModule(module, name, signal)
    return answer.kind === 'found' ? known(answer, family) : answer
  }
}

/** Not kept: the file may change at any time, and looking there costs nothing. */
function known(addresses: { ipv4: string[]; ipv6: string[] }, family: Family): Answer {
  const wanted = ofFamily(addresses, family)
  return wanted === undefined ? { kind: 'missing' } : { kind: 'found', ...wanted, ttl: 0 }
}
