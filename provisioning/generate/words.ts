/** Text of ours in files of other programs: what their syntax has no way to say is refused, never passed on. */
import { MptkError } from '../../src/errors.js'

/** For a comment line: it ends where the line ends. */
export function comment(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}

/** `-name = value` of sysctl.d(5). @throws {MptkError} MPTK_HOST for a name with a wildcard, or a value of several lines */
export function sysctlLine(name: string, value: string): string {
  // without these, systemd-sysctl and sysctl(8) take the name as it is
  if (!/^[\p{L}\p{N}._/+@~:-]+$/u.test(name)) {
    throw new MptkError('MPTK_HOST', `sysctl ${JSON.stringify(name)}: a file of sysctl.d cannot name it`)
  }
  return `-${name} = ${oneLine(`sysctl ${name}`, value)}`
}

/** @throws {MptkError} MPTK_HOST for text that would go on in another line */
export function oneLine(what: string, value: string): string {
  if (!/[^\P{Cc}\t]/u.test(value)) return value
  throw new MptkError('MPTK_HOST', `${what}: expected one line, found ${JSON.stringify(value)}`)
}

/** A value of uci(1) in batch mode, which has no escapes between single quotes. @throws {MptkError} MPTK_HOST */
export function uciValue(what: string, value: string): string {
  if (value.includes("'")) {
    throw new MptkError('MPTK_HOST', `${what}: expected no quote, found ${JSON.stringify(value)}`)
  }
  return `'${oneLine(what, value)}'`
}
