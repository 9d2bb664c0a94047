/**
 * Whose the state folder is. Root runs the undo script in it, so nobody else must be able to put
 * one there: the same rule as src/config/trusted-file.ts has for files, in plain sh, because the
 * folder may be on another host.
 */

/**
 * On `$state`: prints a line for each of it, its folders and its files that others may change. A
 * folder of its own in it (of a service, of a named namespace) is not what root runs.
 */
export const UNTRUSTED = `hidden=0
grep -qs '^ *[0-9]* *0 ' /proc/self/uid_map || hidden=$(cat /proc/sys/kernel/overflowuid 2>/dev/null || echo 0)
judge() {
  for each do
    [ -e "$each" ] || [ -L "$each" ] || continue
    set -- $(stat -c '%u %g %a' -- "$each" 2>/dev/null)
    [ "$#" = 3 ] || continue
    case $1 in
      0 | "$hidden" | "\${SUDO_UID:-0}") ;;
      *) echo "$each belongs to user $1: chown root, or remove it"; continue ;;
    esac
    [ ! -L "$each" ] || continue
    [ ! -d "$each" ] || [ $((0$3 & 01000)) = 0 ] || continue
    bits=022
    [ "$2" != 0 ] || bits=02
    [ $((0$3 & $bits)) = 0 ] || echo "$each has mode $3: chmod go-w"
  done
}
for path in "$state" "$(readlink -f -- "$state" 2>/dev/null)"; do
  while [ -n "$path" ]; do judge "$path"; path=\${path%/*}; done
done
judge /
for file in "$state"/*; do
  if [ -L "$file" ] || [ ! -d "$file" ]; then judge "$file"; fi
done
`

/** Exit code of a script that found something of the kind. */
export const UNTRUSTED_CODE = 78

/** Ends a script that is about to rely on the folder. */
export const REFUSE_UNTRUSTED = `untrusted=$(
${UNTRUSTED})
[ -z "$untrusted" ] || { printf '%s\\n' "$untrusted" >&2; exit ${UNTRUSTED_CODE}; }
`

/** @param said what {@link UNTRUSTED} printed */
export function untrustedState(state: string, said: string): string {
  const [first = ''] = said.trim().split('\n')
  return `${state}: root runs what is in the state folder: expected nobody else to be able to change it, found that ${first}`
}
