/** Running what changes the host: one command at a time, and none after the time to confirm has passed. */
import { MptkError } from '../src/errors.js'
import type { Command } from './resource.js'
import { commandName } from './command-text.js'
import type { EnginePlace } from './engine-place.js'

/** The watchdog has undone what was applied, or is about to. */
export class TooLate extends MptkError {
  constructor() {
    super('MPTK_APPLY', 'nobody confirmed in time: everything was undone')
  }
}

const TOO_LATE = 99

/**
 * The command holds `busy` while it runs: should we be killed meanwhile, whoever comes next waits
 * for its end. (It runs without the lock's descriptor, which what it starts would keep.)
 * @param token of the wait for confirmation that goes on
 * @throws {MptkError} MPTK_APPLY with the command and what it said, {@link TooLate}
 */
export async function change(place: EnginePlace, command: Command, token?: string): Promise<void> {
  const { argv, input } = command
  const guarded =
    token === undefined
      ? argv
      : [
          'sh',
          '-c',
          `[ -e "$1" ] || exit ${TOO_LATE}; shift; exec "$@"`,
          'mptk',
          `${place.state}/pending-${token}`,
          ...argv,
        ]
  const { exitCode, stdout, stderr } = await place.runner.run(
    ['flock', '-o', `${place.state}/busy`, ...guarded],
    { detached: true, reject: false, ...(input === undefined ? {} : { input }) },
  )
  if (exitCode === 0) return
  if (exitCode === TOO_LATE && token !== undefined) throw new TooLate()
  const said = (stderr || stdout)
    .trim()
    .split(/\s*\n\s*/)
    .slice(-3)
    .join('; ')
  throw new MptkError(
    'MPTK_APPLY',
    `${commandName(command)}: exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
  )
}
