/**
 * A service where there is no systemd: a process in a session of its own, its output in a file,
 * and a record that tells it from any later process with the same number. Plain sh throughout.
 */
import { LOG_LIMIT_VARIABLE } from '../../src/log-file-limit.js'
import { shellLine, shellWord } from '../../src/shell-quote.js'
import type { Command } from '../resource.js'
import { LEAVE_CGROUP } from './cgroup.js'
import { script } from './commands.js'
import type { Life } from './ready.js'

/**
 * `$1.pid` holds: process id, its start time (field 22 of /proc/pid/stat), the boot it was in and
 * its words in base64. A process that has ended and that nobody has waited for is no living one,
 * unless threads of it (field 20) are still about to end: they hold its sockets until then.
 */
const ALIVE = `
read -r pid start boot words 2>/dev/null <"$1.pid" &&
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
  sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null |
    awk -v start="$start" '$20 == start && ($18 > 1 || $1 != "Z" && $1 != "X") { yes = 1 } END { exit !yes }'
`.trim()

/** Run as the process that becomes the service: its record is there before it is. Not in the group of whoever applies. */
const BECOME = `
record=$1.pid words=$2 bounds=$3
shift 3
${LEAVE_CGROUP}
start=$(sed 's/.*) //' "/proc/$$/stat" | cut -d' ' -f20)
boot=$(cat /proc/sys/kernel/random/boot_id)
printf '%s %s %s %s\\n' "$$" "$start" "$boot" "$words" >"$record.new" &&
  mv -f "$record.new" "$record" || exit
if setpriv --bounding-set="$bounds" --inh-caps=-all --no-new-privs true 2>/dev/null; then
  exec setpriv --bounding-set="$bounds" --inh-caps=-all --no-new-privs -- "$@"
fi
exec "$@"
`.trim()

/** Beyond so many bytes a service of ours begins its log anew, and keeps the one before as `NAME.log.1`. */
const LOG_LIMIT = 8 << 20

/** Parameters: state/name, the script above, the words in base64, the capabilities that are left, the log's limit as a variable, the words. */
const START = `
subject=$1 become=$2 words=$3 bounds=$4
export "$5"
shift 5
umask 022
mkdir -p "\${subject%/*}" && cd / && rm -f "$subject.pid" || exit 1
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -H -n)"
setsid sh -c "$become" sh "$subject" "$words" "$bounds" "$@" </dev/null >>"$subject.log" 2>&1 &
while [ ! -e "$subject.pid" ] && kill -0 "$!" 2>/dev/null; do sleep 0.02; done
`

/** Asks, waits ten seconds, then insists with all it started. */
const STOP = `
alive=$1 subject=$2 left=100
if sh -c "$alive" sh "$subject"; then
  read -r pid rest <"$subject.pid"
  kill -s TERM "$pid"
  while sh -c "$alive" sh "$subject"; do
    if [ "$left" -eq 0 ]; then kill -s KILL -- "-$pid"; fi
    [ "$left" -gt -50 ] || exit 1
    left=$((left - 1))
    sleep 0.1
  done
fi
rm -f "$subject.pid" "$subject.pid.new"
`

const LIMIT = `${LOG_LIMIT_VARIABLE}=${LOG_LIMIT}`

/** Parameters: state/name, the folder. What a revert leaves: it may say why there was one. */
const KEEP_LOG = `
umask 077
for log in "$1.log" "$1.log.1"; do
  { [ -s "$log" ] && mkdir -p "$2" && mv -f "$log" "$2/"; } || rm -f "$log"
done
`

/** `/var/log/mptk` for `/var/lib/mptk`, a folder beside it for a state folder elsewhere. */
export function keptLogs(state: string): string {
  const [, parent, name] = /^(.*)\/lib\/([^/]+)$/.exec(state) ?? []
  return parent === undefined || name === undefined ? `${state}-log` : `${parent}/log/${name}`
}

/** The service is gone: what it said stays, elsewhere. */
export function keepLog(state: string, name: string): Command {
  const folder = keptLogs(state)
  return {
    ...script(KEEP_LOG, [subjectOf(state, name), folder]),
    typed: `# its log goes to ${folder}/${name}.log`,
  }
}

const words = (argv: readonly string[]) => Buffer.from(argv.join('\0')).toString('base64')

/** Everything of a service in the state folder begins with this. */
export function subjectOf(state: string, name: string): string {
  return `${state}/${name}`
}

export function backgroundLife(subject: string): Life {
  return { alive: ALIVE, told: 'tail -n 5 "$1.log"', subject }
}

/** As root, since there is nobody who would make a user for it; with no capability but these, where setpriv(1) is. */
export function startProcess(
  subject: string,
  argv: readonly string[],
  capabilities: readonly string[],
): Command {
  const bounds = ['-all', ...capabilities.map((each) => each.toLowerCase().replace(/^cap_/, '+'))].join(',')
  return {
    ...script(START, [subject, BECOME, words(argv), bounds, LIMIT, ...argv]),
    typed: `${LIMIT} setsid ${shellLine(argv)} </dev/null >>${shellWord(`${subject}.log`)} 2>&1 &`,
  }
}

/** Succeeds also when nothing runs. */
export function stopProcess(subject: string): Command {
  return {
    ...script(STOP, [ALIVE, subject]),
    typed: `kill "$(cut -d' ' -f1 ${shellWord(`${subject}.pid`)})"`,
  }
}

/** Prints the words in base64 of the process that runs, nothing when none does. */
export function readProcess(subject: string): readonly string[] {
  return ['sh', '-c', `(${ALIVE}) && cut -d' ' -f4 "$1.pid"`, 'sh', subject]
}

export function parseWords(text: string): string[] | null {
  return text.trim() === '' ? null : Buffer.from(text.trim(), 'base64').toString().split('\0')
}
