/** The scripts that put a host back, made before anything is changed: plain sh, no mptk, no Node. */
import { shellWord } from '../src/shell-quote.js'
import { commandScript } from './command-text.js'
import { driverOf } from './driver-of.js'
import { epochScript, type EnginePlace } from './engine-place.js'
import { journalText, type Journal, type JournalStep } from './journal.js'
import type { DriverTable } from './linux/driver.js'
import { outlivesBoot } from './resource.js'
import { CONFIRMED, FORGET, LIVES_IN } from './state-scripts.js'

/**
 * `sh undo.sh` does it all; mptk itself says `undo`, looks at what came of it, then `finish`. The
 * watchdog says `unattended`, because whoever holds the lock may hang on a line that was cut.
 * @param steps in the order in which they were applied
 * @param finish shell lines for when everything is back, on `$state`
 */
export function undoScript(
  steps: readonly JournalStep[],
  finish: string,
  table: DriverTable,
  place: EnginePlace,
): string {
  const reversed = steps.toReversed()
  const runsAgain = ({ resource, previous }: JournalStep) => resource.kind === 'service' && previous !== null
  // what is started again reads files that must be back by then
  const ordered = [...reversed.filter((step) => !runsAgain(step)), ...reversed.filter(runsAgain)]
  const restored = ordered.map((step) => stepScript(step, table, place)).join('')
  return `#!/bin/sh
# Puts back what mptk changed on this host. It needs no mptk: sh ${shellWord(`${place.state}/undo.sh`)}
# It may hold secrets of this host.
state=${shellWord(place.state)}
epoch=${shellWord(place.epoch)}
failed=0
said() {
  if [ "$ok" = 1 ]; then echo "undone: $1"; else failed=1; echo "not undone: $1" >&2; fi
}
undo() {
: >"$state/undoing"
${restored}return "$failed"
}
finish() {
${finish}}
exec </dev/null
${enter(place)}${refuseElsewhere(place)}# after a reboot the kernel's own settings are gone already
live=0
[ "$(${epochScript(place.netns)})" = "$epoch" ] && live=1
if [ "$#" = 0 ] && command -v flock >/dev/null; then
  exec 9>>"$state/lock"
  flock -n 9 || { echo 'mptk is working on this host: end it first' >&2; exit 1; }
fi
if command -v flock >/dev/null; then
  exec 8>>"$state/busy"
  flock -w 60 8 || echo 'a command of mptk does not end: going on without it' >&2
fi
case \${1-all} in
all | unattended) undo 8>&- 9>&- && finish ;;
undo) undo 8>&- 9>&- ;;
finish) finish ;;
esac
`
}

/** Finish of rollback.sh: what an earlier apply did is still there, as its journal says, or nothing is left. */
export function finishRollback(earlier: Journal | undefined, table: DriverTable, place: EnginePlace): string {
  if (earlier === undefined) return FORGET
  const undo = undoScript(earlier.steps, FORGET, table, { ...place, epoch: earlier.epoch })
  const file = (name: string, text: string) =>
    commandScript({ argv: ['cat'], input: text }, ` >"$state/${name}.new"`) +
    `sync "$state/${name}.new" && mv "$state/${name}.new" "$state/${name}"\n`
  return `umask 077
${file('undo.sh', undo)}${file('journal.json', journalText(earlier))}${CONFIRMED}`
}

function stepScript({ id, resource, previous }: JournalStep, table: DriverTable, place: EnginePlace): string {
  const commands = driverOf(table, resource).restore(previous, resource, place)
  if (commands.length === 0) return ''
  const lines = commands.map((command) => commandScript(command, ' || ok=0')).join('')
  const body = `ok=1\n${lines}said ${shellWord(id)}\n`
  return outlivesBoot(resource) ? body : `if [ "$live" = 1 ]; then\n${body}fi\n`
}

/** As mptk itself refuses: settings of another namespace that still lives would be taken for gone, and forgotten. */
function refuseElsewhere({ netns, epoch }: EnginePlace): string {
  if (netns !== undefined) return ''
  const [boot = '', first = '', namespace = ''] = epoch.split(' ')
  return `now=$(${epochScript()})
if [ "\${now% *}" = ${shellWord(`${boot} ${first}`)} ] && [ "\${now##* }" != ${shellWord(namespace)} ]; then
  process=$(sh -c ${shellWord(LIVES_IN)} sh ${shellWord(namespace)})
  if [ -n "$process" ]; then
    echo "made in another network namespace, that of process $process: nsenter --net --target $process sh $0" >&2
    exit 1
  fi
fi
`
}

/** Run by hand, the script finds its way into the namespace it was made for. */
function enter({ netns, epoch }: EnginePlace): string {
  if (netns === undefined) return ''
  const handle = shellWord(`/run/netns/${netns}`)
  const inode = epoch.split(' ').find((word) => word.startsWith('net:')) ?? ''
  return `if [ "$(readlink /proc/self/ns/net)" != ${shellWord(inode)} ] && [ "$(stat -Lc %i ${handle} 2>/dev/null)" = ${shellWord(inode.replaceAll(/\D/g, ''))} ]; then
  exec nsenter --net=${handle} sh "$0" "$@"
fi
`
}
