import type { CommandModule } from 'yargs'
import { DRIVERS } from '../../provisioning/linux/drivers.js'
import { isWell, status, type HostReport } from '../../provisioning/status.js'
import { parseSocketAddress } from '../address.js'
import { inPlace, placeOptions, type PlaceArguments } from './provision-options.js'
import { statusText } from './provision-text.js'
import { print, printJson } from './print.js'
import { askRunning, runningText, statusAddress, type Running } from './running-status.js'

interface StatusArguments extends PlaceArguments {
  status: string | undefined
}

/** `mptk status` */
export const statusCommand: CommandModule<object, StatusArguments> = {
  command: 'status',
  describe: 'say how the running proxy does, what is applied on a host and whether it still is so',
  builder: (yargs) =>
    yargs
      .options({
        ...placeOptions,
        status: {
          type: 'string',
          requiresArg: true,
          conflicts: ['host', 'netns'],
          describe: "the running proxy's status address (the applied configuration's, else 127.0.0.1:9400)",
        },
      })
      .epilogue('Exit code 0: what was applied still is so, or nothing is and a proxy runs; else 1.'),
  async handler(options) {
    const asked = options.status === undefined ? undefined : parseSocketAddress(options.status)
    const { report, hidden } = await inPlace(options, reportOn, { readOnly: true })
    // a proxy elsewhere is out of reach from here
    const elsewhere = options.host !== undefined || options.netns !== undefined
    const running = elsewhere ? undefined : await askRunning(asked ?? (await statusAddress(report?.config)))
    if (options.json) printJson({ ...(report ?? { state: hidden ? 'unknown' : 'none' }), running })
    else print(text(report, hidden, running))
    const well = report === undefined ? running?.status !== undefined : isWell(report)
    process.exitCode = well ? 0 : 1
  },
}

interface Applied {
  report: HostReport | undefined
  /** Only root may know whether anything is applied. */
  hidden: boolean
}

async function reportOn(place: Parameters<typeof status>[1]): Promise<Applied> {
  if (place.unprivileged?.journal === false) return { report: undefined, hidden: true }
  return { report: await status(DRIVERS, place), hidden: false }
}

function text(report: HostReport | undefined, hidden: boolean, running: Running | undefined): string {
  const nothing = hidden
    ? 'what is applied here can be read by root only: sudo mptk status\n'
    : 'nothing is applied here\n'
  const applied = report === undefined ? nothing : statusText(report)
  return `${running === undefined ? '' : `${runningText(running)}\n`}${applied}`
}
