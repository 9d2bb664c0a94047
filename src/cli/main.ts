/** The command line: parses, runs one command, and turns every failure into one line and an exit code. */
// first: the flag it sets must be there before the heap has grown
import './heap.js'
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { MptkError } from '../errors.js'
import { registerCommands } from './commands.js'
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

async function main(argv: string[]): Promise<void> {
  const parser: Argv = yargs(argv)
    .scriptName('mptk')
    .usage(
      '$0 <command> [options]\n\nMultipath TCP for programs, web sites and networks that do not have it.',
    )
    .demandCommand(1, 'expected a command, found none')
    .strict()
    .middleware((given) => refuseUnknownOptions(given, parser.parsed), true)
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
        `${(error?.message ?? message).replaceAll(/\s*\n\s*/g, ' ')}: see mptk --help`,
      )
    })
  await registerCommands(parser, argv)
  await parser.parseAsync()
}

main(hideBin(process.argv)).catch((error: unknown) => {
  complain(error)
  process.exitCode =
    error instanceof MptkError && USAGE_CODES.includes(error.code) ? EXIT_USAGE : EXIT_FAILURE
})
