/** Stored passwords: `scrypt$N$r$p$salt$hash`, salt and hash in base64. */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { MOST_MEMORY, parseHash } from '../../src/config/hash-numbers.js'

const derive = promisify(scrypt) as (
  password: string,
  salt: Buffer,
  length: number,
  options: ScryptOptions,
) => Promise<Buffer>

/** About 50 ms and 16 MiB on a small machine: OWASP's second choice for interactive log-in. */
const COST = { N: 2 ** 14, r: 8, p: 5 }
const LENGTH = 32

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, LENGTH, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), hash.toString('base64')].join('$')
}

/** @param stored as {@link hashPassword} made it; the schema has checked its form */
export async function matchesHash(password: string, stored: string): Promise<boolean> {
  const { salt, hash: expected, ...cost } = parseHash(stored)
  const actual = await derive(password, salt, expected.length, { ...cost, maxmem: 2 * MOST_MEMORY })
  return expected.length > 0 && timingSafeEqual(actual, expected)
}

/** Of these hashes the one that takes longest to compare with. */
export function dearest(hashes: readonly string[]): string | undefined {
  const cost = (stored: string): number => {
    const { N, r, p } = parseHash(stored)
    return N * r * p
  }
  return [...hashes].sort((a, b) => cost(b) - cost(a))[0]
}
