import type { CommandModule } from 'yargs'
import { loadConfig } from '../config/load.js'

/** `mptk check --config FILE` */
export const checkCommand: CommandModule<object, { config: string }> = {
  command: 'check',
  describe: 'check a configuration file and say what is wrong with it',
  builder: (yargs) =>
    yargs.option('config', {
      type: 'string',
      alias: 'c',
      requiresArg: true,
      demandOption: true,
      describe: 'the file to check',
    }),
  async handler({ config }) {
    const { services } = await loadConfig(config)
    console.log(`${config}: ok, ${services.length} service${services.length === 1 ? '' : 's'}`)
  },
}
