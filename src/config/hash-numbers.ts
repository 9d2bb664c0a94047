/** The numbers of a stored password, `scrypt$N$r$p$salt$hash`, and which of them a log-in may cost. */

/** What hashing may take of memory, bytes, and of time, in blocks of scrypt: about a second on a small machine. */
export const MOST_MEMORY = 128 * 1024 * 1024
const MOST_BLOCKS = 2 ** 22

/** What is wrong with the numbers of a hash, or undefined. */
export function whyNotHashed(stored: string): string | undefined {
  const { N, r, p } = parseHash(stored)
  if (!(N >= 2) || (N & (N - 1)) !== 0 || r < 1 || p < 1) return 'N a power of two, r and p 1 or more'
  // RFC 7914 §2
  if (128 * N * r > MOST_MEMORY || N * r * p > MOST_BLOCKS) return 'N*r up to 2^20 and N*r*p up to 2^22'
  return undefined
}

export function parseHash(stored: string): { N: number; r: number; p: number; salt: Buffer; hash: Buffer } {
  const [, N, r, p, salt = '', hash = ''] = stored.split('$')
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  return { N: Number(N), r: Number(r), p: Number(p), salt: bytes(salt), hash: bytes(hash) }
}
