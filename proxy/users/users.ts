/** Who may use a service. Comparing a password takes the same time whatever is wrong with it. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { UsersConfig } from '../../src/config/service.js'
import { matchesHash } from './password-hash.js'

export class Users {
  readonly #entries: ReadonlyMap<string, UsersConfig[string]>
  /** Known only to this process: digests below are useless outside it. */
  readonly #key = randomBytes(32)
  /** Digest of the last password that matched a user's hash, so that scrypt runs once a user, not once a connection. */
  readonly #verified = new Map<string, Buffer>()
  /** Hashing that is under way, by user and digest: connections that come at once share one. */
  readonly #hashing = new Map<string, Promise<boolean>>()

  /** What an unknown user is compared with, so that it costs what a wrong password costs. */
  readonly #decoy: UsersConfig[string]

  constructor(users: UsersConfig) {
    this.#entries = new Map(Object.entries(users))
    this.#decoy = Object.values(users).find((entry) => entry.passwordHash !== undefined) ?? { password: '' }
  }

  async verify(username: string, password: string): Promise<boolean> {
    const entry = this.#entries.get(username)
    const matches = await this.#matches(username, password, entry ?? this.#decoy)
    return matches && entry !== undefined
  }

  async #matches(username: string, password: string, entry: UsersConfig[string]): Promise<boolean> {
    const given = this.#digest(password)
    if (entry.passwordHash === undefined) return timingSafeEqual(given, this.#digest(entry.password ?? ''))

    const known = this.#verified.get(username)
    if (known !== undefined && timingSafeEqual(given, known)) return true
    if (!(await this.#hashOnce(username, password, given, entry.passwordHash))) return false
    if (this.#entries.has(username)) this.#verified.set(username, given)
    return true
  }

  #hashOnce(username: string, password: string, given: Buffer, stored: string): Promise<boolean> {
    const key = `${given.toString('hex')} ${username}`
    const underWay = this.#hashing.get(key)
    if (underWay !== undefined) return underWay
    const answer = matchesHash(password, stored).finally(() => this.#hashing.delete(key))
    this.#hashing.set(key, answer)
    return answer
  }

  /** Equal lengths, so that comparing does not tell the length. */
  #digest(password: string): Buffer {
    return createHmac('sha256', this.#key).update(password).digest()
  }
}
