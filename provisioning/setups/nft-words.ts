/** Words in a script of nft(8). */
import { MptkError } from '../../src/errors.js'

/**
 * An interface's name as nft takes it to the letter. Between its quotes there is no escape but the
 * one before an asterisk at the end, which else stands for any ending.
 * @throws {MptkError} MPTK_HOST for what nft has no way to say
 */
export function nftInterface(name: string): string {
  if (/["\\]|\p{Cc}/u.test(name)) {
    throw new MptkError('MPTK_HOST', `nftables cannot be told of an interface ${JSON.stringify(name)}`)
  }
  return `"${name.replace(/\*$/, '\\*')}"`
}
