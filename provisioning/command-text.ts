/** Commands as the lines a person would type into a shell; the undo scripts are made of the same. */
import { hereDocument, shellLine, shellWord } from '../src/shell-quote.js'
import type { Command } from './resource.js'

/** Ready to run: with everything the command is given, secrets too. Ends with a newline. */
export function commandScript({ argv, input }: Command, suffix = ''): string {
  return given(shellLine(argv), input, suffix)
}

function given(line: string, input: string | undefined, suffix = ''): string {
  if (input === undefined) return `${line}${suffix}\n`
  // a here-document always ends with a newline
  if (input !== '' && !input.endsWith('\n')) return `printf %s ${shellWord(input)} | ${line}${suffix}\n`
  const { operator, body } = hereDocument(input)
  return `${line}${operator}${suffix}\n${body}`
}

/** To be shown: what a person would type; a secret is named, not told. Empty for mere bookkeeping. */
export function commandText({ argv, input, secret, typed }: Command): string {
  const line = typed ?? shellLine(argv)
  return line === '' ? '' : given(line, secret === true ? '(secret, not shown)\n' : input)
}

/** The command alone in one line, for messages: as typed, where a person would type something else. */
export function commandName({ argv, typed = '', name }: Command): string {
  if (name !== undefined) return name
  const line = (typed === '' ? argv.join(' ') : typed.replace(/^# /, '')).replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
