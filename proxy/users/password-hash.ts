/** Stored passwords: `scrypt$N$r$p$salt$hash`, salt and hash in base64. */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'

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
  const [, N, r, p, salt = '', hash = ''] = stored.split('$')
  const expected = Buffer.from(hash, 'base64')
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: 256 * 1024 * 1024 }
  const actual = await derive(password, Buffer.from(salt, 'base64'), expected.length, options)
  return expected.length > 0 && timingSafeEqual(actual, expected)
}
