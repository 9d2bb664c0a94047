/** Who may use a service. Comparing a password takes the same time whatever is wrong with it. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { UsersConfig } from '../../src/config/schema.js'
import { matchesHash } from './password-hash.js'

export class Users {
  readonly #entries: ReadonlyMap<string, UsersConfig[string]>
  /** Known only to this process: digests below are useless outside it. */
  readonly #key = randomBytes(32)
  /** Digest of the last password that matched a user's hash, so that scrypt runs once a user, not once a connection. */
  readonly #verified = new Map<string, Buffer>()

  constructor(users: UsersConfig) {
    this.#entries = new Map(Object.entries(users))
  }

  async verify(username: string, password: string): Promise<boolean> {
    const entry = this.#entries.get(username)
    const given = this.#digest(password)
    // an unknown user costs what a wrong password costs
    if (entry === undefined) return timingSafeEqual(given, this.#digest('')) && false
    if ('password' in entry) return timingSafeEqual(given, this.#digest(entry.password))

    const known = this.#verified.get(username)
    if (known !== undefined && timingSafeEqual(given, known)) return true
    if (!(await matchesHash(password, entry.passwordHash))) return false
    this.#verified.set(username, given)
    return true
  }

  /** Equal lengths, so that comparing does not tell the length. */
  #digest(password: string): Buffer {
    return createHmac('sha256', this.#key).update(password).digest()
  }
}
