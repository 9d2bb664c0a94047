/** Commands in a named network namespace (`ip netns`), here or wherever the given runner runs them. */
import { MptkError } from './errors.js'
import type { Runner } from './exec.js'

/** Where `ip netns` keeps its handles. */
export const NETNS_FOLDER = '/run/netns'

/**
 * Only the network is the namespace's: files are the host's own. Needs root there.
 * @throws {MptkError} MPTK_USAGE when the name cannot be one
 */
export function netnsRunner(base: Runner, name: string): Runner {
  if (!/^[^/\s]+$/.test(name) || name.startsWith('.')) {
    throw new MptkError('MPTK_USAGE', `expected the name of a network namespace, found '${name}'`)
  }
  const inside = (argv: readonly string[]): readonly string[] => [
    'nsenter',
    `--net=${NETNS_FOLDER}/${name}`,
    '--',
    ...argv,
  ]
  return {
    run: (argv, options) => base.run(inside(argv), options),
    spawn: (argv, options) => base.spawn(inside(argv), options),
  }
}
