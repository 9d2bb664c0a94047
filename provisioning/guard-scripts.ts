/**
 * Whoever undoes an apply that nobody confirms: the guard. It runs on the host, and not as a child
 * of the apply: as a unit of its own where systemd is process 1, else as a process in a session
 * and control group of its own, which ends with the machine or the container only.
 *
 * ```
 * pending-TOKEN   the guard waits for mptk confirm; whoever renames the file decides:
 * expired-TOKEN     the guard, which then puts everything back
 * kept-TOKEN        mptk, which then ends the guard
 * deadline-TOKEN  until when it waits, in seconds of /proc/uptime; put off while the apply goes on
 * guard-TOKEN     who it is, written by itself: `unit NAME` or `process PID START`
 * guard.sh        what it runs
 * ```
 */
import { LEAVE_CGROUP } from './linux/cgroup.js'

/** Parameters: state, token, and the unit it is, if any. Started again in the middle it goes on. */
export const GUARD = `state=$1 token=$2 unit=$3
umask 077
if [ -n "$unit" ]; then
  who="unit $unit"
else
  ${LEAVE_CGROUP}
  who="process $$ $(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)"
fi
echo "$who" >"$state/guard-$token.new" && mv "$state/guard-$token.new" "$state/guard-$token" || exit
while [ -e "$state/pending-$token" ]; do
  read -r now rest </proc/uptime
  read -r deadline <"$state/deadline-$token" || exit
  left=$((deadline - \${now%.*}))
  if [ "$left" -le 0 ]; then
    mv "$state/pending-$token" "$state/expired-$token"
    break
  fi
  sleep "$left"
done
[ -e "$state/expired-$token" ] || exit 0
sh "$state/rollback.sh" unattended
rm -f "$state/expired-$token" "$state/guard-$token" "$state/deadline-$token" "$state/guard.sh"
`

/** Of a guard that waits, or did: all its files. */
export const FORGET_GUARDS = `rm -f "$state"/pending-* "$state"/expired-* "$state"/kept-* "$state"/deadline-* "$state"/guard-* "$state/guard.sh"
`

/** On `$state`, $1 token, $2 seconds: until when the guard waits from now on. */
export const PUT_OFF = `read -r now rest </proc/uptime
echo "$((\${now%.*} + $2))" >"$state/deadline-$1.new" && mv "$state/deadline-$1.new" "$state/deadline-$1"`

/** Arguments: token, seconds. Exit code 1: too late. */
export const EXTEND = `umask 077
[ -e "$state/pending-$1" ] || exit 1
${PUT_OFF}`

/**
 * Arguments: token, seconds, the named network namespace if any, then GUARD. What is known not to
 * hold is refused; a line on standard output is a warning. The guard's own file is the proof that
 * it runs and sees this folder.
 */
export const WATCH = `umask 077
printf %s "$4" >"$state/guard.sh" || exit
${PUT_OFF} || exit
: >"$state/pending-$1"
refuse() {
  rm -f "$state/pending-$1" "$state/deadline-$1" "$state/guard-$1" "$state/guard.sh"
  echo "$2" >&2
  exit 1
}
here=$(readlink /proc/self/ns/net)
if [ -d /run/systemd/system ] && { [ -n "$3" ] || [ "$here" = "$(readlink /proc/1/ns/net)" ]; }; then
  unit=mptk-undo-$1.service
  # systemd looks for variables in the words of a command
  folder=$(printf %s "$state" | sed 's/[$]/$$/g')
  systemd-run --quiet --collect --unit="$unit" --description='mptk: undoes an apply unless it is confirmed' \\
    --property=Type=exec --property=Restart=on-failure --property=RestartSec=1 --property=StartLimitIntervalSec=0 \\
    --property=OOMScoreAdjust=-900 -- /bin/sh "$folder/guard.sh" "$folder" "$1" "$unit" >&2 ||
    refuse "$1" 'systemd does not start the guard'
else
  if [ "$(readlink /proc/self/ns/pid)" != 'pid:[4026531836]' ]; then
    first=$(cat /proc/1/comm)
    # only the machine's first network namespace has it
    [ ! -e /proc/sys/net/core/netdev_budget ] ||
      refuse "$1" "nobody here could keep that promise: this is a container on the host's own network, and when its first process ($first) ends, so does the guard, while the settings stay: run it on the host"
    echo "the guard ends with this container (its first process is $first); settings outside its network namespace would stay"
  fi
  setsid sh "$state/guard.sh" "$state" "$1" </dev/null >"$state/guard.log" 2>&1 &
fi
tries=100
until [ -e "$state/guard-$1" ]; do
  [ "$tries" -gt 0 ] || refuse "$1" 'the guard does not start'
  tries=$((tries - 1))
  sleep 0.1
done
`

/** Defines `lives TOKEN`: whether its guard runs; prints who it is. */
export const LIVES = `lives() {
  kind= who= start=
  read -r kind who start 2>/dev/null <"$state/guard-$1"
  echo "$kind $who"
  case $kind in
    unit)
      case $(systemctl show --property=ActiveState --value "$who" 2>/dev/null) in
        active | activating | reloading) ;;
        *) return 1 ;;
      esac
      ;;
    process)
      now=$(sed 's/.*) //' "/proc/$who/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }')
      [ "$now" = "$start" ]
      ;;
    *) return 1 ;;
  esac
}
`

/** Ends the waiting, whoever comes first, and then the guard, if it is still the one that was started. */
const WIN = `mv "$state/pending-$1" "$state/kept-$1" 2>/dev/null`
const END = `if lives "$1" >/dev/null; then
  case $kind in
    unit) systemctl stop "$who" ;;
    process) kill -- "-$who" 2>/dev/null ;;
  esac
fi
rm -f "$state/kept-$1" "$state/deadline-$1" "$state/guard-$1" "$state/guard.sh" "$state/guard.log"
`

/** Argument: token. Exit code 1: too late. */
export const DISARM = `${LIVES}${WIN} || exit 1
${END}`

/**
 * Arguments: token, length of the confirmed journal in bytes, which is standard input. Exit code 1: too late.
 * @param confirmed shell lines for when it stays
 */
export const keepScript = (confirmed: string): string => `${LIVES}umask 077
cat >"$state/journal.json.new" && [ "$(wc -c <"$state/journal.json.new")" -eq "$2" ] || exit 2
sync "$state/journal.json.new"
${WIN} || { rm -f "$state/journal.json.new"; exit 1; }
mv "$state/journal.json.new" "$state/journal.json" && sync "$state"
${END}${confirmed}`
