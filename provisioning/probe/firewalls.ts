/** Which firewalls of others let nothing in by themselves: pure, from `nft -j list ruleset`. */
import { z } from 'zod'
import type { ClosedFirewall } from '../facts.js'

/** `inet mptk`, which is ours. */
export const OUR_TABLE = 'mptk'

const chain = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  hook: z.string().optional(),
  type: z.string().optional(),
  policy: z.string().optional(),
})
const rule = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  expr: z.array(z.record(z.string(), z.unknown())),
})
const ruleset = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) })
type Chain = z.output<typeof chain>
type Rule = z.output<typeof rule>

/** Input chains that drop what no rule accepts, by policy or by a last rule that drops everything. */
export function closedFirewalls(json: unknown): ClosedFirewall[] {
  const listed = ruleset.safeParse(json)
  if (!listed.success) return []
  const entries = listed.data.nftables
  const chains = entries.flatMap((each) => parse(chain, each['chain']))
  const rules = entries.flatMap((each) => parse(rule, each['rule']))
  return chains
    .filter(
      ({ hook, type = 'filter', table }) => hook === 'input' && type === 'filter' && table !== OUR_TABLE,
    )
    .filter((each) => each.policy === 'drop' || endsInRefusal(each, rules))
    .map((each) => ({
      chain: `${each.family} ${each.table} ${each.name}`,
      accepts: rules.filter((other) => sameTable(each, other)).flatMap(acceptedPorts),
    }))
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T>[] {
  const result = schema.safeParse(value)
  return result.success ? [result.data] : []
}

function sameTable(a: Chain, b: Rule): boolean {
  return a.family === b.family && a.table === b.table
}

function endsInRefusal(each: Chain, rules: readonly Rule[]): boolean {
  const last = rules.filter((other) => sameTable(each, other) && other.chain === each.name).at(-1)
  const words = (last?.expr ?? []).flatMap((expression) => Object.keys(expression))
  const verdicts = words.filter((word) => word !== 'counter' && word !== 'log')
  return verdicts.length === 1 && (verdicts[0] === 'drop' || verdicts[0] === 'reject')
}

const match = z.object({
  op: z.literal('==').or(z.literal('in')),
  left: z.object({ payload: z.object({ protocol: z.string(), field: z.literal('dport') }) }),
  right: z.unknown(),
})
const portValue = z.union([
  z.int().transform((port): [number, number] => [port, port]),
  z.object({ range: z.tuple([z.int(), z.int()]) }).transform(({ range }) => range),
])

function acceptedPorts({ expr }: Rule): [number, number][] {
  if (!expr.some((each) => 'accept' in each)) return []
  return expr
    .flatMap((each) => parse(match, each['match']))
    .filter(({ left }) => left.payload.protocol !== 'udp')
    .flatMap(({ right }) => {
      const set = z.object({ set: z.array(z.unknown()) }).safeParse(right)
      return (set.success ? set.data.set : [right]).flatMap((value) => parse(portValue, value))
    })
}
