import type { CommandModule } from 'yargs'
import { DRIVERS } from '../../provisioning/linux/drivers.js'
import { planRevert, revert } from '../../provisioning/revert.js'
import { dryRunOption, inPlace, placeOptions, type PlaceArguments } from './provision-options.js'
import { keptLogOf } from '../../provisioning/linux/service.js'
import type { EnginePlace } from '../../provisioning/engine-place.js'
import type { JournalStep } from '../../provisioning/journal.js'
import { undoingJson, undoingText } from './provision-text.js'
import { print, printJson } from './print.js'

interface RevertArguments extends PlaceArguments {
  'dry-run': boolean
}

const NOTHING = 'nothing to revert: nothing is applied here\n'

/** `mptk revert` */
export const revertCommand: CommandModule<object, RevertArguments> = {
  command: 'revert',
  describe: 'put back everything that apply changed on a host',
  builder: (yargs) => yargs.options({ ...placeOptions, ...dryRunOption }),
  async handler(options) {
    await inPlace(options, async (place) => {
      if (options['dry-run']) {
        const steps = await planRevert({ table: DRIVERS, place })
        if (options.json) printJson(undoingJson(steps ?? []))
        else print(steps === undefined ? NOTHING : undoingText(steps))
        return
      }
      const done = await revert({ table: DRIVERS, place })
      const ids = (done ?? []).map(({ id }) => id)
      if (options.json) printJson({ undone: ids })
      else if (done === undefined) print(NOTHING)
      else print(revertedText(done, place))
    })
  },
}

function revertedText(done: readonly JournalStep[], place: EnginePlace): string {
  const undone = done.map(({ id }) => `undone: ${id}\n`).join('')
  const logs = done.flatMap(({ resource }) =>
    resource.kind === 'service' ? (keptLogOf(resource, place) ?? []) : [],
  )
  return `${undone}${logs.map((each) => `kept: ${each}\n`).join('')}${done.length} put back\n`
}
