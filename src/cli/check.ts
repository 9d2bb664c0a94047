import type { CommandModule } from 'yargs'
import { loadConfigText, mistakeLines } from '../config/load.js'
import { MptkError } from '../errors.js'
import { detectKernel } from '../kernel/detect.js'
import { checkRun, type RunCheck } from './check-run.js'
import { trialLine, tryUpstreams } from './try-upstreams.js'

interface CheckArguments {
  config: string
  'file-only': boolean | undefined
  upstream: boolean | undefined
  json: boolean
}

/** `mptk check --config FILE` */
export const checkCommand: CommandModule<object, CheckArguments> = {
  command: 'check',
  describe: 'check a configuration file and what mptk run would open here, and say all that is wrong',
  builder: (yargs) =>
    yargs.options({
      config: {
        type: 'string',
        alias: 'c',
        requiresArg: true,
        demandOption: true,
        describe: 'the file to check',
      },
      'file-only': {
        type: 'boolean',
        describe: 'look at nothing but the file: it is for another host',
      },
      upstream: {
        type: 'boolean',
        conflicts: 'file-only',
        describe: 'also ask each upstream proxy whether it takes our password',
      },
      json: { type: 'boolean', default: false, describe: 'print the result as JSON' },
    }),
  async handler({ config: file, 'file-only': fileOnly, upstream, json }) {
    const { config, lineOf } = await loadConfigText(file)
    const kernel = detectKernel()
    const { mistakes, unchecked }: RunCheck =
      fileOnly === true
        ? { mistakes: [], unchecked: ['anything but the file itself'] }
        : await checkRun(config, kernel)
    if (mistakes.length > 0 && !json) {
      throw new MptkError('MPTK_CONFIG', mistakeLines(file, mistakes, lineOf).join('\n'))
    }
    const trials = upstream === true ? await tryUpstreams(config, kernel) : undefined
    const serves = trials?.every(({ outcome }) => outcome === 'serves') ?? true
    if (json) {
      console.log(JSON.stringify({ mistakes, unchecked, ...(trials && { upstreams: trials }) }, null, 2))
    } else {
      const count = config.services.length
      console.log(`${file}: ok, ${count} service${count === 1 ? '' : 's'}`)
      for (const each of trials ?? []) console.log(trialLine(each))
      for (const each of unchecked) console.log(`not checked: ${each}`)
    }
    process.exitCode = mistakes.length > 0 ? 2 : serves ? 0 : 1
  },
}
