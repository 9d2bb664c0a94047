/**
 * Shell scripts on the state folder (`$state`). They run where the folder is, whole, also when
 * whoever started them is gone in the middle.
 *
 * ```
 * journal.json   what was there before            undo.sh       puts it back, without mptk
 * rollback.sh    back to before this very apply   undoing       such a script is at work, or broke off
 * pending-TOKEN  a guard waits for `mptk confirm`: guard-scripts.ts has its files
 * lock           held while mptk works here       busy          held while a command changes the host
 * folders        which folders were made for this one, outermost first
 * ```
 */
import { FORGET_GUARDS, keepScript, LIVES } from './guard-scripts.js'
import { REFUSE_UNTRUSTED } from './state-trust.js'

/** Makes the folder, and notes what of its path was not there. Not where somebody else made it first. */
export const PREPARE = `umask 077
path=$state made=
while [ ! -d "$path" ]; do made="$path
$made"; path=$(dirname "$path"); done
mkdir -p "$state" || exit
${REFUSE_UNTRUSTED}{ [ -e "$state/folders" ] || printf %s "$made" >"$state/folders"; }
`

/** Removes all that is ours: the folder too when we made it and nothing else is in it. */
export const FORGET = `rm -f "$state/journal.json" "$state/journal.json.new"
rm -f "$state/rollback.sh" "$state/undo.sh" "$state"/*.sh.new
${FORGET_GUARDS}folders=$(cat "$state/folders" 2>/dev/null)
rm -f "$state/undoing" "$state/guard.log" "$state/busy" "$state/lock" "$state/folders"
printf '%s\\n' "$folders" | sed '1!G;h;$!d' | while read -r folder; do
  [ -z "$folder" ] || rmdir "$folder" 2>/dev/null || break
done
`

/** An apply is done, or rolled back: what served to roll it back goes. */
export const CONFIRMED = `rm -f "$state/rollback.sh" "$state/undoing" "$state/guard.log"
${FORGET_GUARDS}`

/**
 * Writes a file whole and synced, or not at all: standard input may end early when its writer dies.
 * Arguments: name, length in bytes.
 */
export const WRITE = `umask 077
cat >"$state/$1.new" && [ "$(wc -c <"$state/$1.new")" -eq "$2" ] || { rm -f "$state/$1.new"; exit 1; }
sync "$state/$1.new" && mv "$state/$1.new" "$state/$1" && sync "$state"
`

/**
 * Prints whether an undoing broke off; of a guard that waits for confirmation the token, how many
 * seconds more, whether it lives, and who it is; and the journal.
 */
export const READ = `[ -e "$state/journal.json" ] || exit 0
${LIVES}if [ -e "$state/undoing" ]; then echo undoing; else echo whole; fi
for pending in "$state"/pending-*; do
  [ -e "$pending" ] || continue
  token=\${pending##*/pending-} deadline=0
  read -r now rest </proc/uptime
  read -r deadline 2>/dev/null <"$state/deadline-$token"
  if guard=$(lives "$token"); then alive=alive; else alive=gone; fi
  echo "$token $((deadline - \${now%.*})) $alive $guard"
  break
done
echo
cat "$state/journal.json"
`

/**
 * Holds the lock until its standard input ends. Exit codes: 75 somebody else has it, 76 the folder
 * was removed meanwhile, 77 a command of somebody who died does not end.
 */
export const HOLD = `exec 9>>"$state/lock" || exit 74
flock -w 2 9 || exit 75
[ "$state/lock" -ef /proc/self/fd/9 ] || exit 76
exec 8>>"$state/busy" && flock -w 30 8 || exit 77
exec 8>&-
echo locked
exec cat >/dev/null
`

/** Arguments: token, length of the confirmed journal in bytes, which is standard input. Exit code 1: too late. */
export const KEEP = keepScript(CONFIRMED)

/** Waits until a guard whose time has come is done. */
export const UNTIL_UNDONE = `tries=600
while [ "$tries" -gt 0 ] && ls "$state" 2>/dev/null | grep -q '^expired-'; do
  sleep 0.1
  tries=$((tries - 1))
done
`

/** $1 a network namespace as /proc names it: prints a process that is in it, nothing when there is none. */
export const LIVES_IN = `
for process in /proc/[0-9]*; do
  [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$1" ] && { echo "\${process#/proc/}"; exit; }
done
true`
