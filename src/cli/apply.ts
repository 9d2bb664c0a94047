import type { CommandModule } from 'yargs'
import { apply } from '../../provisioning/apply.js'
import { DRIVERS } from '../../provisioning/linux/drivers.js'
import type { EnginePlace } from '../../provisioning/engine-place.js'
import { isEmpty, makePlan } from '../../provisioning/plan.js'
import type { Description } from '../../provisioning/resource.js'
import { readStanding } from '../../provisioning/state-folder.js'
import { duration } from '../config/values.js'
import { MptkError } from '../errors.js'
import { shellLine } from '../shell-quote.js'
import {
  configOption,
  dryRunOption,
  inPlace,
  loadWish,
  placeOptions,
  samePlace,
  type PlaceArguments,
} from './provision-options.js'
import { appliedText, planJson, planText } from './provision-text.js'
import { untilSignal } from './signals.js'
import { complain, print, printJson, printLine } from './print.js'
import { isRefusal, trialLine } from './try-upstreams.js'

/** Somebody who comes back a day later has not lost the host. Milliseconds. */
const LONGEST_WAIT = 24 * 3_600_000

interface ApplyArguments extends PlaceArguments {
  config: string
  'dry-run': boolean
  'confirm-within': string | undefined
  'without-services': boolean
  'at-boot': boolean
}

/** `mptk apply --config FILE` */
export const applyCommand: CommandModule<object, ApplyArguments> = {
  command: 'apply',
  describe: 'make a host what the configuration says, or leave it as it is',
  builder: (yargs) =>
    yargs.options({
      ...configOption,
      ...placeOptions,
      ...dryRunOption,
      'confirm-within': {
        type: 'string',
        requiresArg: true,
        describe:
          'undo everything again unless mptk confirm comes within this time, as 60s; a number alone is seconds',
      },
      'without-services': {
        type: 'boolean',
        default: false,
        describe: 'leave the services alone: somebody else runs them',
      },
      'at-boot': {
        type: 'boolean',
        default: false,
        describe: 'put back what was not confirmed before the machine went down, and do not apply it again',
      },
    }),
  async handler(options) {
    const confirmWithin = secondsToConfirm(options['confirm-within'])
    const wish = await loadWish(options.config, options.host)
    const wanted = async (place: EnginePlace): Promise<Description> => {
      const description = await wish.describe(place)
      return options['without-services'] ? withoutServices(description) : description
    }
    if (options['dry-run']) {
      const plan = await inPlace(
        options,
        async (place) => makePlan(await wanted(place), DRIVERS, place, await readStanding(place)),
        { readOnly: true },
      )
      if (options.json) printJson(planJson(plan))
      else print(planText(plan))
      return
    }
    const { signal, exitCode } = untilSignal()
    try {
      const { plan, trials } = await inPlace(options, async (place) => {
        const plan = await apply({
          table: DRIVERS,
          place,
          describe: () => wanted(place),
          config: wish.configFile,
          signal,
          atBoot: options['at-boot'],
          ...(confirmWithin === undefined ? {} : { confirmWithin }),
          ...(options.json ? {} : { progress: printLine }),
        })
        // at boot nobody reads it, and a proxy may come later
        const trials = options['at-boot'] ? [] : await wish.tryUpstreams(place, signal)
        return { plan, trials }
      })
      if (options.json) printJson({ ...planJson(plan), upstreams: trials })
      else print(appliedText(plan))
      if (!options.json) for (const each of trials) printLine(trialLine(each))
      if (trials.some(isRefusal)) process.exitCode = 1
      if (confirmWithin !== undefined && !isEmpty(plan) && !options.json) {
        const confirm = shellLine(['mptk', 'confirm', ...samePlace(options)])
        console.log(`undone again in ${confirmWithin} s unless you say: ${confirm}`)
      }
    } catch (error) {
      const code = exitCode()
      if (code === undefined) throw error
      complain(error)
      process.exitCode = code
    }
  },
}

/** Nor the unit that would apply again: who starts the services looks after that too. */
function withoutServices(description: Description): Description {
  const resources = description.resources.filter(({ kind }) => kind !== 'service' && kind !== 'boot')
  return { ...description, resources }
}

/** Whole seconds: a second is what sleep of every host can do. A number alone is seconds, as with sleep and timeout. */
function secondsToConfirm(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const result = duration.safeParse(/^\d+$/.test(text) ? `${text}s` : text)
  if (result.success && result.data <= LONGEST_WAIT) return Math.max(1, Math.round(result.data / 1000))
  throw new MptkError(
    'MPTK_USAGE',
    `--confirm-within: expected a time as 60, 60s, 5m or 1h, at most 24h, found ${JSON.stringify(text)}`,
  )
}
