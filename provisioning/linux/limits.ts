/** `ip mptcp limits`: subflows per connection besides the first, and addresses of the peer taken up. */
import type { LimitsResource } from '../resource.js'
import { command } from './commands.js'
import type { Driver, Json } from './driver.js'

export interface LimitsState extends Record<string, Json> {
  subflows: number
  addAddrAccepted: number
}

/** iproute2 6.1 prints these as text also when asked for JSON. */
export function parseLimits(text: string): LimitsState | null {
  const subflows = /\bsubflows"?:? *(\d+)/.exec(text)?.[1]
  const accepted = /\badd_addr_accepted"?:? *(\d+)/.exec(text)?.[1]
  if (subflows === undefined || accepted === undefined) return null
  return { subflows: Number(subflows), addAddrAccepted: Number(accepted) }
}

type Limits = Pick<LimitsResource, 'subflows' | 'addAddrAccepted'>

function set({ subflows, addAddrAccepted }: Limits) {
  return command(
    ...['ip', 'mptcp', 'limits', 'set', 'subflows', `${subflows}`],
    ...['add_addr_accepted', `${addAddrAccepted}`],
  )
}

function say({ subflows, addAddrAccepted }: Limits): string {
  return `subflows ${subflows}, add_addr_accepted ${addAddrAccepted}`
}

export const limitsDriver: Driver<LimitsResource, LimitsState> = {
  kind: 'limits',
  async probe({ runner }) {
    return parseLimits((await runner.run(['ip', 'mptcp', 'limits', 'show'])).stdout)
  },
  satisfied: (state, wanted) =>
    state?.subflows === wanted.subflows && state.addAddrAccepted === wanted.addAddrAccepted,
  apply(state, wanted) {
    return this.satisfied(state, wanted) ? [] : [set(wanted)]
  },
  restore: (state) => (state === null ? [] : [set(state)]),
  describe: (state, wanted) => ({ from: state === null ? 'unknown' : say(state), to: say(wanted) }),
}
