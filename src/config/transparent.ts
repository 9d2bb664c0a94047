/** `type: transparent`: TCP of a LAN that the firewall brings here, passed on to where it was going. */
import { z } from 'zod'
import { familyOf } from '../address.js'
import { PRIVATE } from '../private-networks.js'
import { checkWayOut, rule, serviceKeys, wayOutKeys, type RuleConfig } from './service.js'

export const transparent = z
  .strictObject({
    type: z.literal('transparent'),
    ...serviceKeys,
    // LAN hosts that need this service speak TCP
    transport: z.enum(['mptcp', 'tcp']).default('tcp'),
    /** How nftables brings connections here, which is how their destination is found. */
    intercept: z.enum(['redirect', 'tproxy']).default('redirect'),
    rules: z.array(rule).default([]),
    ...wayOutKeys,
  })
  .superRefine((value, context) => {
    checkWayOut(value, context)
    const issue = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message })

    if (value.intercept === 'redirect' && value.transport === 'mptcp') {
      issue(
        ['transport'],
        'expected tcp with intercept: redirect, found "mptcp": the kernel tells no original destination (SO_ORIGINAL_DST) of an MPTCP socket',
      )
    }
    value.listen.forEach(({ port }, index) => {
      if (port === 0) issue(['listen', index], 'expected a port for nftables to name, found 0')
    })
    value.rules.forEach((each, index) =>
      checkRule(each, (path, message) => issue(['rules', index, ...path], message)),
    )
    value.upstreamFor?.destinations?.forEach((pattern, index) => {
      if (isName(pattern)) issue(['upstreamFor', 'destinations', index], nameFound(pattern))
    })
  })

/** What could never match would be a rule that only looks as if it did something. */
function checkRule(rule: RuleConfig, issue: (path: (string | number)[], message: string) => void): void {
  for (const action of ['allow', 'deny'] as const) {
    const match = rule[action]
    if (match?.users !== undefined) {
      issue(
        [action, 'users'],
        'expected none in a transparent service, where nobody says who he is, found some',
      )
    }
    match?.destinations?.forEach((pattern, index) => {
      if (isName(pattern)) issue([action, 'destinations', index], nameFound(pattern))
    })
  }
}

function isName(pattern: string): boolean {
  return pattern !== '*' && pattern !== PRIVATE && familyOf(pattern.split('/')[0] ?? '') === 0
}

function nameFound(pattern: string): string {
  return `expected private or a prefix as 10.0.0.0/8, found ${JSON.stringify(pattern)}: a transparent service knows addresses, not names`
}

export type TransparentConfig = z.output<typeof transparent>
