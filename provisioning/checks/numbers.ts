/** `host.numbers` against the rules of others: a rule of theirs among ours, or into a table of ours. */
import type { HostConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import type { Problem } from '../problem.js'
import { barrierPriority, MAIN_TABLE, MOST_LAN_INTERFACES, PRIORITIES, TABLES } from '../uplinks/numbers.js'

/**
 * A rule of ours has both its priority and its table (or main) among our numbers, or leads nowhere
 * at a barrier's place, whether it was applied now or before; any other there is somebody else's.
 */
export function numbersProblems({ numbers }: HostConfig, { rules }: HostFacts): Problem[] {
  const within = (value: number, first: number, count: number): boolean =>
    value >= first && value < first + count
  const problems: Problem[] = []
  for (const { family, priority, table, unreachable } of rules) {
    if (unreachable && within(priority, barrierPriority(numbers, 0), MOST_LAN_INTERFACES)) continue
    const ourPriority = within(priority, numbers.priority, PRIORITIES)
    const ourTable = within(table, numbers.table, TABLES)
    const leads = unreachable ? 'to nowhere' : `into table ${table}`
    const rule = `the rule of priority ${priority} ${leads} (IPv${family})`
    if (ourTable && !ourPriority) {
      problems.push({
        path: 'host.numbers.table',
        text: `expected ${TABLES} routing tables that nobody uses, from ${numbers.table} on, found ${rule}`,
      })
    } else if (ourPriority && !ourTable && table !== MAIN_TABLE) {
      problems.push({
        path: 'host.numbers.priority',
        text: `expected ${PRIORITIES} rule priorities that nobody uses, from ${numbers.priority} on, found ${rule}`,
      })
    }
  }
  return problems
}
