/** Misspelt options. */
import type { Argv } from 'yargs'
import { didYouMean } from '../closest.js'
import { MptkError } from '../errors.js'

/** What yargs itself puts beside the options; `--` is what follows it. */
const NO_OPTIONS: readonly string[] = ['_', '$0', '--']

/**
 * Middleware for before yargs validates. Its own order is what is missing first: of `apply --confg FILE`
 * it would say that `config` is missing, while the word that is wrong stands there.
 * @throws {MptkError} MPTK_USAGE
 */
export function refuseUnknownOptions(
  command: string,
  given: Readonly<Record<string, unknown>>,
  parsed: Argv['parsed'],
): void {
  if (parsed === false) return
  const { aliases, newAliases } = parsed
  // of an unknown word all forms are new; of an option only those that yargs makes of its name
  const isKnown = (key: string): boolean =>
    [key, ...(aliases[key] ?? [])].some(
      (form) => Object.hasOwn(aliases, form) && !Object.hasOwn(newAliases, form),
    )
  const unknown = Object.keys(given).filter((key) => !NO_OPTIONS.includes(key) && !isKnown(key))
  // beside `dry-rn` yargs puts `dryRn`, which nobody has typed
  const twins = unknown.filter((key) => key.includes('-')).map(camelCase)
  const words = unknown.filter((key) => !twins.includes(key))
  if (words.length === 0) return
  const known = Object.keys(aliases).filter((key) => !Object.hasOwn(newAliases, key) && key.length > 1)
  const what = words.map((word) => {
    const dashes = word.length === 1 ? '-' : '--'
    return `unknown option ${dashes}${word}${didYouMean(word, known, '--')}`
  })
  throw new MptkError('MPTK_USAGE', `${what.join(', ')}: see mptk ${command} --help`)
}

const camelCase = (key: string): string => key.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase())
