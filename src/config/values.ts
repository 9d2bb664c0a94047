/** Value types that several configuration keys share; each error says what was expected and what was found. */
import { z } from 'zod'
import { parseDestination, parseSocketAddress, PrefixSet } from '../address.js'
import { describeError } from '../errors.js'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `300ms`, `10s`, `5m`, `1h`, or 0: read as milliseconds. */
export const duration = z.union([z.string(), z.literal(0)]).transform((value, context) => {
  if (value === 0) return 0
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value)
  const milliseconds = match === null ? NaN : Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
  // Node's timers cannot hold more than 2^31 - 1 ms
  if (milliseconds <= 2 ** 31 - 1) return milliseconds
  context.addIssue(
    `expected a duration as 300ms, 10s, 5m or 1h (at most 596h), found ${JSON.stringify(value)}`,
  )
  return z.NEVER
})

function parsed<T>(parse: (text: string) => T) {
  return z.string().transform((value, context): T => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue(describeError(error))
      return z.NEVER
    }
  })
}

/** `127.0.0.1:1080`, `[::1]:1080`: an IP literal and a port. */
export const socketAddress = parsed(parseSocketAddress)

/** `proxy.example.org:1080`, `10.0.2.2:1080`. */
export const destination = parsed((text) => {
  const value = parseDestination(text)
  if (value.port === 0) throw new Error(`expected a port of 1 to 65535, found ${JSON.stringify(text)}`)
  return value
})

/** `10.0.0.0/8`, `fe80::1`; kept as text, known to be right. */
export const prefix = parsed((text) => {
  new PrefixSet([text])
  return text
})

/** 443 or `8000-9000`: read as [first, last]. */
export const portRange = z.union([z.number(), z.string()]).transform((value, context): [number, number] => {
  const match = /^(\d+)(?:-(\d+))?$/.exec(String(value))
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (first <= last && last <= 65535) return [first, last]
  context.addIssue(`expected a port or a range as 8000-9000, found ${JSON.stringify(value)}`)
  return z.NEVER
})

/** One value or a list of them. */
export const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item).min(1), item.transform((value) => [value])])

const NAME = /^[\w.-]{1,15}$/

/** Name of a scheduler, path manager or congestion control: the kernel holds 15 characters. */
export const kernelName = z.string().regex(NAME, 'expected a name of at most 15 letters, digits, _ . -')
