import type { CommandModule } from 'yargs'
import { MptkError } from '../errors.js'
import { native } from '../native.js'

/**
 * `mptk without-fast-open -- /usr/sbin/dnsmasq …`, for services that `mptk apply` starts: the first
 * listener with TCP Fast Open makes the kernel draw a key that no revert can take back.
 */
export const withoutFastOpenCommand: CommandModule = {
  command: 'without-fast-open',
  // for units, not for people
  describe: false,
  // all behind -- is the program's, to the letter
  builder: (to) => to.strict(false),
  handler() {
    const at = process.argv.indexOf('--')
    const argv = at < 0 ? [] : process.argv.slice(at + 1)
    const [program = ''] = argv
    if (!program.startsWith('/')) {
      throw new MptkError(
        'MPTK_USAGE',
        `expected -- and the absolute path of a program, found ${JSON.stringify(program)}`,
      )
    }
    native.execWithoutFastOpen(argv)
  },
}
