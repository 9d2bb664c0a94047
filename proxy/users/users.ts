/**
 * Who may use a service. A new password costs one hash, whoever is named and whatever is wrong
 * with it, and a wrong one is answered after the same time: nothing tells which users there are.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { UsersConfig } from '../../src/config/service.js'
import { Cancel, orAborted, type Cancellation } from '../../src/net/cancel.js'
import { AnswerCache } from '../../src/net/names/answer-cache.js'
import { sourceBlock } from '../../src/net/source-block.js'
import { dearest } from './password-hash.js'
import { passwordGuard, type PasswordGuard } from './password-guard.js'

/** Whoever gives a password. */
export interface Claimant {
  /** Its IP address. */
  source: string
  /** It has left. */
  signal: Cancellation
}

/** What the client is told is the same for all but the first. */
export type Verdict = 'right' | 'wrong' | 'too many wrong passwords' | 'too many new passwords at once'

/** How long, milliseconds, and how many of each are remembered. */
const REFUSED = { ttl: 60_000, most: 1024 }
const SEEN = { ttl: 86_400_000, most: 2048 }

/** A hash that is being computed, or waits for its turn. */
interface Hashing {
  readonly verdict: Promise<Verdict>
  readonly cancel: Cancel
  /** Sources that asked for it. */
  readonly blocks: Set<string>
  waiting: number
}

export class Users {
  readonly #entries: ReadonlyMap<string, UsersConfig[string]>
  readonly #guard: PasswordGuard
  /** Known only to this process: digests below are useless outside it. */
  readonly #key = randomBytes(32)
  /** Digest of the last password that matched a user's hash, so that scrypt runs once a user, not once a connection. */
  readonly #verified = new Map<string, Buffer>()
  /** By user and digest, passwords that were wrong: a program that goes on with an old one costs nothing, and guesses nothing. */
  readonly #refused = new AnswerCache<true>(REFUSED.most)
  /** Users and the sources from which their password has been right. */
  readonly #seen = new AnswerCache<true>(SEEN.most)
  /** By user and digest: connections that come at once share one. */
  readonly #hashing = new Map<string, Hashing>()
  /** What is hashed for those who have no hash of their own; undefined where nobody has one. */
  readonly #decoy: string | undefined

  constructor(users: UsersConfig, guard = passwordGuard()) {
    this.#entries = new Map(Object.entries(users))
    this.#guard = guard
    this.#decoy = dearest(Object.values(users).flatMap(({ passwordHash }) => passwordHash ?? []))
  }

  /** @throws the signal's reason */
  async verify(username: string, password: string, { source, signal }: Claimant): Promise<Verdict> {
    signal.throwIfAborted()
    const block = sourceBlock(source)
    const verdict = await this.#judge(username, password, block, signal)
    if (verdict === 'right') this.#seen.put(`${block} ${username}`, true, SEEN.ttl, this.#guard.now())
    return verdict
  }

  /**
   * How long the answer to a wrong password has to wait still, milliseconds: the same for all, or
   * a whole number of times for what takes longer. Nothing where no password is hashed.
   */
  pause(began: number): number {
    if (this.#decoy === undefined) return 0
    const { now, answerAfter } = this.#guard
    const taken = now() - began
    return answerAfter * Math.max(1, Math.ceil(taken / answerAfter)) - taken
  }

  /** Monotonic, milliseconds. */
  now(): number {
    return this.#guard.now()
  }

  async #judge(username: string, password: string, block: string, signal: Cancellation): Promise<Verdict> {
    const { penalties, now } = this.#guard
    const given = this.#digest(password)
    const key = `${given.toString('hex')} ${username}`
    if (penalties.enforced(block, now())) {
      const known = this.#seen.get(`${block} ${username}`, now()) === true
      if (!known || !penalties.mayCompare(block, now())) return 'too many wrong passwords'
      if (this.#isKnown(username, given)) return 'right'
      penalties.guessed(block, now())
      return 'too many wrong passwords'
    }
    if (this.#isKnown(username, given)) return 'right'
    if (this.#refused.get(key, now()) === true) return 'wrong'
    const stored = this.#entries.get(username)?.passwordHash ?? this.#decoy
    if (stored === undefined) {
      this.#remember(key, [block])
      return 'wrong'
    }
    const hashing = this.#hashing.get(key) ?? this.#begin(key, username, password, given, stored, block)
    hashing.blocks.add(block)
    hashing.waiting++
    try {
      return await orAborted(hashing.verdict, signal)
    } finally {
      if (--hashing.waiting === 0) {
        if (this.#hashing.get(key) === hashing) this.#hashing.delete(key)
        hashing.cancel.abort(new Error('nobody waits for the password'))
      }
    }
  }

  /** What needs no hash: a password as it stands in the configuration, or that has been right before. */
  #isKnown(username: string, given: Buffer): boolean {
    const plain = this.#entries.get(username)?.password
    const known = plain === undefined ? this.#verified.get(username) : this.#digest(plain)
    return known !== undefined && timingSafeEqual(given, known)
  }

  #begin(
    key: string,
    username: string,
    password: string,
    given: Buffer,
    stored: string,
    block: string,
  ): Hashing {
    const cancel = new Cancel()
    const blocks = new Set([block])
    const work = async (): Promise<Verdict> => {
      const { penalties, now, matches } = this.#guard
      if ([...blocks].every((each) => penalties.enforced(each, now()))) return 'too many wrong passwords'
      const right = (await matches(password, stored)) && this.#entries.get(username)?.passwordHash === stored
      if (right) this.#verified.set(username, given)
      // those who have left by now as well: otherwise leaving early would make guesses free
      else this.#remember(key, blocks)
      return right ? 'right' : 'wrong'
    }
    const verdict = this.#guard.turns
      .take(block, cancel, work)
      .then((said): Verdict => said ?? 'too many new passwords at once')
    verdict.catch(() => undefined)
    const hashing: Hashing = { verdict, cancel, blocks, waiting: 0 }
    this.#hashing.set(key, hashing)
    return hashing
  }

  /** That a new password was wrong. */
  #remember(key: string, blocks: Iterable<string>): void {
    const { penalties, now } = this.#guard
    this.#refused.put(key, true, REFUSED.ttl, now())
    for (const each of blocks) penalties.wrong(each, now())
  }

  /** Equal lengths, so that comparing does not tell the length. */
  #digest(password: string): Buffer {
    return createHmac('sha256', this.#key).update(password).digest()
  }
}
