/** Running what changes the host: one command at a time, and none after the time to confirm has passed. */
import { MptkError } from '../src/errors.js'
import type { Command } from './resource.js'
import { commandName } from './command-text.js'
import { PUT_OFF } from './guard-scripts.js'
import type { EnginePlace } from './engine-place.js'

/** The wait for confirmation that an apply is part of. */
export interface Wait {
  token: string
  /** So many seconds from each command on it is undone, should no other come. */
  seconds: number
}

/** The guard has undone what was applied, or is about to. */
export class TooLate extends MptkError {
  constructor() {
    super('MPTK_APPLY', 'nobody confirmed in time: everything was undone')
  }
}

const TOO_LATE = 99

/** Parameters: state, token, seconds, the command. */
const GUARDED = `[ -e "$1/pending-$2" ] || exit ${TOO_LATE}
state=$1
shift
${PUT_OFF}
shift 2
exec "$@"`

/**
 * The command holds `busy` while it runs: should we be killed meanwhile, whoever comes next waits
 * for its end. (It runs without the lock's descriptor, which what it starts would keep.)
 * @param wait for confirmation, which each command puts off
 * @throws {MptkError} MPTK_APPLY with the command and what it said, {@link TooLate}
 */
export async function change(place: EnginePlace, command: Command, wait?: Wait): Promise<void> {
  const { argv, input } = command
  const guarded =
    wait === undefined
      ? argv
      : ['sh', '-c', GUARDED, 'mptk', place.state, wait.token, String(wait.seconds), ...argv]
  const { exitCode, stdout, stderr } = await place.runner.run(
    ['flock', '-o', `${place.state}/busy`, ...guarded],
    { detached: true, reject: false, ...(input === undefined ? {} : { input }) },
  )
  if (exitCode === 0) return
  if (exitCode === TOO_LATE && wait !== undefined) throw new TooLate()
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
