/** Where the engine works: what the drivers know of it, and what tells this host's life from the next. */
import { MptkError } from '../src/errors.js'
import type { Runner } from '../src/exec.js'
import { NETNS_FOLDER } from '../src/exec-netns.js'
import { shellWord } from '../src/shell-quote.js'
import type { Place } from './linux/driver.js'
import { UNTRUSTED, untrustedState } from './state-trust.js'

export interface EnginePlace extends Place {
  /**
   * Differs after a reboot, a container's restart, or in another network namespace: settings of
   * the kernel that belong to another epoch are gone by themselves.
   */
  epoch: string
  /** Name of the network namespace, where one was asked for. */
  netns?: string
}

export interface PlaceOptions {
  netns?: string
  /** Absolute; see {@link defaultState}. */
  state: string
  /** Nothing will be changed: root is not needed for what others may read. */
  readOnly?: boolean
}

const DEFAULT_STATE = '/var/lib/mptk'

/** A named namespace shares the files of its host: it has a folder of its own. */
export function defaultState(netns?: string): string {
  return netns === undefined ? DEFAULT_STATE : `${DEFAULT_STATE}/netns/${netns}`
}

/**
 * Shell words that print the epoch: boot, start of the first process, network namespace. The
 * number of a namespace is given to the next one; the time its handle was made is not.
 */
export function epochScript(netns?: string): string {
  const words = [
    '"$(cat /proc/sys/kernel/random/boot_id)"',
    `"$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)"`,
    '"$(readlink /proc/self/ns/net)"',
  ]
  if (netns !== undefined) {
    words.push(`"$(stat -Lc %.9Z ${shellWord(`${NETNS_FOLDER}/${netns}`)} 2>/dev/null)"`)
  }
  return `echo ${words.join(' ')}`
}

/**
 * The network namespace of an epoch of this very boot that is not the one where we are now; undefined
 * after a reboot, and for the same namespace.
 */
export function otherNamespace(then: string, now: string): string | undefined {
  const [earlier, later] = [then.split(' '), now.split(' ')]
  const sameBoot = earlier[0] === later[0] && earlier[1] === later[1]
  return sameBoot && earlier[2] !== later[2] ? earlier[2] : undefined
}

/**
 * Units know nothing of named namespaces: services in one are plain processes.
 * @param runner runs its commands in `netns` already
 * @throws {MptkError} MPTK_EXEC when the place cannot be reached, MPTK_USAGE when it is not ours to
 *   change, MPTK_UNTRUSTED_FILE when others may change its state folder
 */
export async function openPlace(
  runner: Runner,
  { netns, state, readOnly = false }: PlaceOptions,
): Promise<EnginePlace> {
  if (!/^\/[^\n]*[^/\n]$/.test(state)) {
    throw new MptkError('MPTK_USAGE', `expected an absolute path as the state folder, found '${state}'`)
  }
  const script = `state=${shellWord(state)}
id -u
[ -d /run/systemd/system ] && echo systemd || echo none
if [ ! -e "$state" ] || { [ -r "$state" ] && [ -x "$state" ]; }; then echo open; else echo closed; fi
${epochScript(netns)}
${UNTRUSTED}`
  const { stdout } = await runner.run(['sh', '-c', script], { detached: true })
  const [user, manager, journal, epoch = '', ...untrusted] = stdout.split('\n')
  if (user !== '0' && !readOnly)
    throw new MptkError('MPTK_USAGE', 'settings of a host are the business of root: run it as root')
  if (untrusted.length > 0) {
    throw new MptkError('MPTK_UNTRUSTED_FILE', untrustedState(state, untrusted.join('\n')))
  }
  return {
    runner,
    state,
    systemd: manager === 'systemd' && netns === undefined,
    epoch,
    ...(netns === undefined ? {} : { netns }),
    ...(user === '0' ? {} : { unprivileged: { journal: journal === 'open' } }),
  }
}
