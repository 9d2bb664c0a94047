/** Words as a POSIX shell reads them: for remote commands, scripts, and commands shown to people. */

const PLAIN = /^[\w%+,./:@=-]+$/

/** One word that the shell takes literally. */
export function shellWord(word: string): string {
  // a leading NAME= would be an assignment, where the first word of a command is meant
  return PLAIN.test(word) && !/^\w+=/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ')
}

/** ` <<'END'`, the text and its end: standard input for a command; the text must end with a newline. */
export function hereDocument(text: string): { operator: string; body: string } {
  const lines = new Set(text.split('\n'))
  let end = 'END'
  for (let n = 2; lines.has(end); n++) end = `END${n}`
  return { operator: ` <<'${end}'`, body: `${text}${end}\n` }
}
