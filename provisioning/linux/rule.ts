/** A routing policy rule; its family and priority are ours, whatever it says. */
import { plainAddress } from '../../src/address.js'
import type { Command, RuleResource } from '../resource.js'
import { command, script } from './commands.js'
import type { Driver, Json } from './driver.js'
import { listFamily } from './family.js'

export interface RuleFound extends Record<string, Json> {
  from: string | null
  to: string | null
  mark: string | null
  inputDevice: string | null
  outputDevice: string | null
  protocol: string | null
  /** 0 for a rule that does something else than look into one. */
  table: number
  action: string | null
  suppressDefault: boolean
  /** What no rule of ours has. */
  other: Record<string, Json> | null
}
/** All rules of the priority. */
export type RuleState = RuleFound[]

const KNOWN = [
  ...['priority', 'src', 'srclen', 'dst', 'dstlen', 'fwmark', 'fwmask', 'iif', 'oif', 'table'],
  ...['ipproto', 'action'],
  // proto is who made it; detached: the interface is not there now
  ...['protocol', 'iif_detached', 'oif_detached', 'suppress_prefixlen'],
]

/** `ip -N -j -4 rule show`: of those, the ones with the priority. */
export function parseRules(text: string, priority: number, family: 4 | 6): RuleState {
  if (text.trim() === '') return []
  return (JSON.parse(text) as Record<string, Json>[])
    .filter((rule) => rule['priority'] === priority)
    .map((rule) => {
      const string = (key: string) => (typeof rule[key] === 'string' ? rule[key] : null)
      const side = (address: string, length: string) => {
        const value = string(address)
        if (value === null || value === 'all') return null
        const bits = rule[length]
        return prefix(typeof bits === 'number' ? `${value}/${bits}` : value, family)
      }
      const other = Object.fromEntries(Object.entries(rule).filter(([key]) => !KNOWN.includes(key)))
      const suppressed = rule['suppress_prefixlen']
      if (suppressed !== undefined && suppressed !== 0) other['suppress_prefixlen'] = suppressed
      const value = string('fwmark')
      const mask = string('fwmask')
      return {
        from: side('src', 'srclen'),
        to: side('dst', 'dstlen'),
        mark: value === null ? null : mark(mask === null ? value : `${value}/${mask}`),
        inputDevice: string('iif'),
        outputDevice: string('oif'),
        protocol: protocolName(string('ipproto')),
        action: actionName(string('action')),
        table: Number(rule['table'] ?? 0),
        suppressDefault: suppressed === 0,
        other: Object.keys(other).length === 0 ? null : other,
      }
    })
}

/** IPPROTO_TCP; told to print numbers, `ip` says `ipproto-6`. */
function protocolName(text: string | null): string | null {
  return text !== null && /^(ipproto-)?6$/.test(text) ? 'tcp' : text
}

/** FR_ACT_UNREACHABLE is RTN_UNREACHABLE, 7, to iproute2. */
export function actionName(text: string | null): string | null {
  return text === '7' ? 'unreachable' : text
}

function prefix(text: string, family: 4 | 6): string | null {
  const [address = '', length] = text.split('/')
  const plain = plainAddress(address)
  if (length === '0') return null
  return length === undefined || length === (family === 4 ? '32' : '128') ? plain : `${plain}/${length}`
}

function mark(text: string): string {
  const [value = 0, mask = 0xffff_ffff] = text.split('/').map(Number)
  return mask === 0xffff_ffff ? `0x${value.toString(16)}` : `0x${value.toString(16)}/0x${mask.toString(16)}`
}

function wantedOf(rule: RuleResource): RuleFound {
  return {
    from: rule.from === undefined ? null : prefix(rule.from, rule.family),
    to: rule.to === undefined ? null : prefix(rule.to, rule.family),
    mark: rule.mark === undefined ? null : mark(rule.mark),
    inputDevice: rule.inputDevice ?? null,
    outputDevice: rule.outputDevice ?? null,
    protocol: rule.protocol ?? null,
    action: rule.action ?? null,
    table: rule.table,
    suppressDefault: rule.suppressDefault ?? false,
    other: null,
  }
}

function words(rule: RuleFound): string[] {
  return [
    ...['from', rule.from ?? 'all'],
    ...(rule.to === null ? [] : ['to', rule.to]),
    ...(rule.mark === null ? [] : ['fwmark', rule.mark]),
    ...(rule.inputDevice === null ? [] : ['iif', rule.inputDevice]),
    ...(rule.outputDevice === null ? [] : ['oif', rule.outputDevice]),
    ...(rule.protocol === null ? [] : ['ipproto', rule.protocol]),
    ...(rule.action === null ? ['lookup', `${rule.table}`] : [rule.action]),
    ...(rule.suppressDefault ? ['suppress_prefixlength', '0'] : []),
  ]
}

function say(rule: RuleFound): string {
  return [...words(rule), ...(rule.other === null ? [] : [JSON.stringify(rule.other)])].join(' ')
}

/** What sets a rule where none is. */
export function addRule(resource: RuleResource): Command {
  return edit('add', wantedOf(resource), resource)
}

function edit(verb: 'add' | 'delete', rule: RuleFound, { family, priority }: RuleResource): Command {
  return command('ip', `-${family}`, 'rule', verb, 'priority', `${priority}`, ...words(rule))
}

const DELETE_ALL = 'while ip "-$1" rule delete priority "$2" 2>/dev/null; do :; done'

function deleteAll({ family, priority }: RuleResource): Command {
  return {
    ...script(DELETE_ALL, [`${family}`, `${priority}`]),
    typed: `ip -${family} rule delete priority ${priority}`,
  }
}

export const ruleDriver: Driver<RuleResource, RuleState> = {
  kind: 'rule',
  async probe({ runner }, { family, priority }) {
    const listed = await listFamily(runner, ['ip', '-N', '-j', `-${family}`, 'rule', 'show'])
    const rules = parseRules(listed, priority, family)
    return rules.length === 0 ? null : rules
  },
  satisfied(state, resource) {
    const [first, ...more] = state ?? []
    return first !== undefined && more.length === 0 && say(first) === say(wantedOf(resource))
  },
  conflict(state, resource) {
    if (state === null || this.satisfied(state, resource)) return undefined
    return `priority ${resource.priority} (IPv${resource.family}) is taken by a rule of somebody else: ${state.map(say).join(', ')}`
  },
  apply(state, resource) {
    const wanted = wantedOf(resource)
    const now = state ?? []
    const there = now.findIndex((each) => say(each) === say(wanted))
    return [
      ...(there < 0 ? [edit('add', wanted, resource)] : []),
      ...now.filter((_, index) => index !== there).map((each) => edit('delete', each, resource)),
    ]
  },
  restore: (state, resource) => [
    deleteAll(resource),
    ...(state ?? []).map((each) => edit('add', each, resource)),
  ],
  describe: (state, resource) => ({
    from: state === null ? 'absent' : state.map(say).join(', '),
    to: say(wantedOf(resource)),
  }),
}
