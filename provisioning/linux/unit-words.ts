/** Text of ours in unit files: systemd.syntax(7). */
import { MptkError } from '../../src/errors.js'

/** A word of a command, in which `$` would name a variable. */
export function unitWord(word: string): string {
  return listWord(word).replaceAll('$', '$$$$')
}

/** A word of a list, as of paths: in double quotes, `%` doubled, C escapes. */
export function listWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/\p{Cc}/gu, (each) => `\\x${Buffer.from(each).toString('hex').slice(-2)}`)
    .replaceAll('%', '%%')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`
}

/** The rest of a line: no other line, no specifier, and no backslash at its end, which would go on in the next line. */
export function unitValue(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll('%', '%%')
    .replace(/\\+$/, '')
}

/** The last part of a line to the letter, which has no escapes. @throws {MptkError} MPTK_HOST for a path that a line cannot hold */
export function unitPath(path: string): string {
  if (!/\p{Cc}|\\$|^\s|\s$/u.test(path)) return path.replaceAll('%', '%%')
  throw new MptkError('MPTK_HOST', `a unit cannot name the file ${JSON.stringify(path)}`)
}
