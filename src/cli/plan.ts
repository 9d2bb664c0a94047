import type { CommandModule } from 'yargs'
import { DRIVERS } from '../../provisioning/linux/drivers.js'
import { makePlan, isEmpty } from '../../provisioning/plan.js'
import { readStanding } from '../../provisioning/state-folder.js'
import { configOption, inPlace, loadWish, placeOptions, type PlaceArguments } from './provision-options.js'
import { planJson, planText } from './provision-text.js'
import { print, printJson } from './print.js'

interface PlanArguments extends PlaceArguments {
  config: string
  'exit-code': boolean
}

/** With --exit-code: something would be changed. */
const EXIT_CHANGES = 3

/** `mptk plan --config FILE` */
export const planCommand: CommandModule<object, PlanArguments> = {
  command: 'plan',
  describe: 'say what would change on a host, why, and by which commands',
  builder: (yargs) =>
    yargs.options({
      ...configOption,
      ...placeOptions,
      'exit-code': {
        type: 'boolean',
        default: false,
        describe: `end with ${EXIT_CHANGES} if there is something to do`,
      },
    }),
  async handler(options) {
    const wish = await loadWish(options.config, options.host)
    const plan = await inPlace(
      options,
      async (place) => makePlan(await wish.describe(place), DRIVERS, place, await readStanding(place)),
      { readOnly: true },
    )
    if (options.json) printJson(planJson(plan))
    else print(planText(plan))
    if (options['exit-code'] && !isEmpty(plan)) process.exitCode = EXIT_CHANGES
  },
}
