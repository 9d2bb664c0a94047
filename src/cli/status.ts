import type { CommandModule } from 'yargs'
import { DRIVERS } from '../../provisioning/linux/drivers.js'
import { isWell, status } from '../../provisioning/status.js'
import { inPlace, placeOptions, type PlaceArguments } from './provision-options.js'
import { statusText } from './provision-text.js'
import { print, printJson } from './print.js'

/** `mptk status` */
export const statusCommand: CommandModule<object, PlaceArguments> = {
  command: 'status',
  describe: 'say what is applied on a host and whether it still is so (exit code 0 when it is)',
  builder: (yargs) => yargs.options(placeOptions),
  async handler(options) {
    const report = await inPlace(options, (place) => status(DRIVERS, place))
    if (options.json) printJson(report ?? { state: 'none' })
    else print(report === undefined ? 'nothing is applied here\n' : statusText(report))
    process.exitCode = report !== undefined && isWell(report) ? 0 : 1
  },
}
