/**
 * What a service sets while it runs and leaves behind when it ends, for connections that go on:
 * `mptk run` keeps endpoints, rules and tables of uplinks, also of those that came after the apply.
 */
import type { Command, LeftBehind } from '../resource.js'
import { script } from './commands.js'
import type { Place } from './driver.js'

function wordsOf(each: LeftBehind): string {
  return each.kind === 'endpoint' ? `endpoint ${each.id}` : `${each.kind} ${each.family} ${each.number}`
}

/** Prints those of its parameters that are there. */
const READ = `
endpoints=" $(ip mptcp endpoint show 2>/dev/null | tr '\\n' ' ')"
rules4=" $(ip -4 rule show | tr '\\n' ' ')"
rules6=" $(ip -6 rule show 2>/dev/null | tr '\\n' ' ')"
for each do
  set -- $each
  case "$1 $2" in
    endpoint*) all=$endpoints what=" id $2 " ;;
    'rule 4') all=$rules4 what=" $3:" ;;
    'rule 6') all=$rules6 what=" $3:" ;;
    # a table alone: all of them together may hold the whole Internet
    *) all=$(ip "-$2" route show table "$3" 2>/dev/null) what=' ' ;;
  esac
  case $all in *"$what"*) echo "$each" ;; esac
done
`

/** Of these, what is there. */
const REMOVE = `
{${READ}} | while read -r kind a b; do
  case $kind in
    endpoint) ip mptcp endpoint delete id "$a" ;;
    rule) while ip "-$a" rule delete priority "$b" 2>/dev/null; do :; done ;;
    table) ip "-$a" route flush table "$b" ;;
  esac
done
`

/** Of these, what is there, in words. */
export async function readLeftBehind({ runner }: Place, list: readonly LeftBehind[]): Promise<string[]> {
  if (list.length === 0) return []
  const { argv } = script(READ, list.map(wordsOf))
  return (await runner.run(argv)).stdout.split('\n').filter((each) => each !== '')
}

/** Removes all of these but what was there before. */
export function removeLeftBehind(list: readonly LeftBehind[], before: readonly string[]): Command[] {
  const words = list.map(wordsOf).filter((each) => !before.includes(each))
  return words.length === 0
    ? []
    : [{ ...script(REMOVE, words), typed: '# and what the service has set for uplinks meanwhile' }]
}
