/** The command line: parses, runs one command, and turns every failure into one line and an exit code. */
// first: the flag it sets must be there before the heap has grown
import './heap.js'
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { MptkError } from '../errors.js'
import { overview, registerCommand } from './commands.js'
import { refuseUnknownOptions } from './unknown-options.js'
import { version } from './version.js'
import { complain } from './print.js'

/** Wrong use: an unknown option, a wrong configuration, an address already taken. */
const EXIT_USAGE = 2
/** Everything else. */
const EXIT_FAILURE = 1

const USAGE_CODES: readonly string[] = [
  'MPTK_USAGE',
  'MPTK_CONFIG',
  'MPTK_CONFIG_FILE',
  'MPTK_OPEN_PROXY',
  'MPTK_ADDRESS',
]

/** `mptk help COMMAND` and `mptk version`, as others have them. */
function asOptions([first, second, ...rest]: string[]): string[] {
  if (first === 'help') return second === undefined ? ['--help'] : [second, '--help', ...rest]
  return first === 'version' ? ['--version'] : [first, second, ...rest].filter((word) => word !== undefined)
}

async function main(given: string[]): Promise<void> {
  const argv = asOptions(given)
  const [name] = argv
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(await overview())
    // as git does: the help is there to be read, and a script that lost its words hears of it
    if (name === undefined) process.exitCode = EXIT_USAGE
    return
  }
  if (name === '--version') {
    console.log(version())
    return
  }
  const parser: Argv = yargs(argv)
    .scriptName('mptk')
    .strict()
    .middleware((words) => refuseUnknownOptions(name, words, parser.parsed), true)
    // of an option given twice the last one counts, as with most commands
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .version(version())
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns || 110))
    .fail((message: string, error?: Error) => {
      // yargs gives one or the other, whatever its types say; its own errors are wrong use
      if (error !== undefined && error.name !== 'YError') throw error
      throw new MptkError(
        'MPTK_USAGE',
        `${inWords(error?.message ?? message, name)}: see mptk ${name} --help`,
      )
    })
  await registerCommand(parser, name)
  await parser.parseAsync()
}

/** @param message of yargs, which knows a surplus word as an argument only */
function inWords(message: string, name: string): string {
  const word = /^Unknown arguments?: ([^,]*)/.exec(message)?.[1]
  if (word === undefined) return message.replaceAll(/\s*\n\s*/g, ' ')
  const file = /\.ya?ml$/.test(word) ? `: a file is given as --config ${word}` : ''
  return `mptk ${name} takes no ${JSON.stringify(word)}${file}`
}

main(hideBin(process.argv)).catch((error: unknown) => {
  complain(error)
  process.exitCode =
    error instanceof MptkError && USAGE_CODES.includes(error.code) ? EXIT_USAGE : EXIT_FAILURE
})
