/** What commands say on a terminal: names of interfaces, users, programs and peers are others' words, and move no cursor. */
import { describeError } from '../errors.js'
import { printable, printableJson, printableLines } from '../printable.js'

/** Text of one or more lines, the last one ended too. */
export function print(text: string): void {
  process.stdout.write(printableLines(text))
}

export function printLine(line: string): void {
  print(`${line}\n`)
}

/** For programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`)
}

/** On standard error, as every failure is told: one line, or one for each of several mistakes. */
export function complain(problem: unknown): void {
  for (const line of describeError(problem).split('\n')) console.error(printable(`mptk: ${line}`))
}
