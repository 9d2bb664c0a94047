import type { CommandModule } from 'yargs'
import { confirm } from '../../provisioning/confirm.js'
import { inPlace, placeOptions, type PlaceArguments } from './provision-options.js'

/** `mptk confirm` */
export const confirmCommand: CommandModule<object, PlaceArguments> = {
  command: 'confirm',
  describe: 'let an apply --confirm-within stay',
  builder: (yargs) => yargs.options(placeOptions),
  async handler(options) {
    const confirmed = await inPlace(options, confirm)
    if (options.json) process.stdout.write(`${JSON.stringify({ confirmed }, null, 2)}\n`)
    else console.log(confirmed ? 'confirmed: it stays' : 'nothing waits to be confirmed')
  },
}
