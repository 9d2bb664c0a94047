/** `mptk keep`: the keepers alone, for a host whose services run as a user that may not change it. */
import { rmSync } from 'node:fs'
import type { CommandModule } from 'yargs'
import { Keepers } from '../../provisioning/keep/keepers.js'
import { defaultState } from '../../provisioning/engine-place.js'
import { KEEP_FILE, writeKeepFile } from '../../provisioning/keep/state-file.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { describeError, MptkError } from '../errors.js'
import { mayConfigureNetwork } from '../kernel/capability.js'
import { detectKernel } from '../kernel/detect.js'
import { openLog, type Log, type Logger } from '../log.js'
import { createMetrics } from '../metrics.js'
import { untilSignal } from './signals.js'

/** The file is written when something has changed, looked for so often, and at least so often, ms. */
const LOOK = 200
const AT_LEAST = 2000

export const journalOption = {
  journal: {
    type: 'string',
    requiresArg: true,
    default: defaultState(),
    describe: 'folder of what mptk apply has set here (its --state)',
  },
} as const

export const keepCommand: CommandModule<object, { config: string; state: string; journal: string }> = {
  command: 'keep',
  describe: 'keep this host as the configuration says, without its services: for mptk run --kept-by',
  builder: (yargs) =>
    yargs.options({
      config: {
        type: 'string',
        alias: 'c',
        requiresArg: true,
        demandOption: true,
        describe: 'YAML file, see docs/provisioning.md',
      },
      state: {
        type: 'string',
        requiresArg: true,
        default: KEEP_FILE,
        describe: 'file in which it tells what it keeps',
      },
      ...journalOption,
    }),
  async handler({ config: file, state, journal }) {
    const config = await loadConfig(file)
    if (config.host === undefined) {
      throw new MptkError('MPTK_HOST', 'host: expected what this host shall be, found nothing')
    }
    if (!mayConfigureNetwork()) {
      throw new MptkError('MPTK_USAGE', 'mptk keep: expected CAP_NET_ADMIN, found a process without it')
    }
    const log = openLog(config.log)
    try {
      await keepUntilSignal(log, config, state, journal)
    } finally {
      await log.close()
    }
  },
}

async function keepUntilSignal(log: Log, config: Config, state: string, journal: string): Promise<void> {
  // told by the state file: nothing listens here
  const metrics = createMetrics(
    () => [],
    () => log.dropped(),
  )
  const { signal } = untilSignal()
  const keepers = new Keepers({ config, kernel: detectKernel(), log: log.logger, metrics, folder: journal })
  const teller = tell(keepers, state, log.logger)
  log.announce([`keeping this host; state in ${state}`], { state })
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }
  clearInterval(teller)
  keepers.stop()
  // whoever reads it knows at once that nobody keeps any more
  rmSync(state, { force: true })
}

function tell(keepers: Keepers, file: string, log: Logger): NodeJS.Timeout {
  let [told, at, failed] = ['', -Infinity, false]
  const look = (): void => {
    const status = keepers.status()
    const text = JSON.stringify(status)
    if (text === told && performance.now() - at < AT_LEAST) return
    try {
      writeKeepFile(file, status)
      ;[told, at, failed] = [text, performance.now(), false]
    } catch (error) {
      if (!failed) log.error(`${file} cannot be written: ${describeError(error)}`)
      failed = true
    }
  }
  look()
  return setInterval(look, LOOK)
}
