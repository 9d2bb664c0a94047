/** Value types that several configuration keys share; each error says what was expected and what was found. */
import { z } from 'zod'
import { endsInNumber, familyOf, parseDestination, parseSocketAddress, PrefixSet } from '../address.js'
import { describeError } from '../errors.js'

/** What a number without a unit was probably meant to be. */
function withUnit(value: unknown): string {
  return /^\d{1,6}$/.test(String(value)) && Number(value) > 0 ? `: did you mean ${String(value)}s?` : ''
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

const A_DURATION = 'expected a duration as 300ms, 10s, 5m or 1h (1ms to 596h)'

/** `300ms`, `10s`, `5m`, `1h`: read as whole milliseconds. */
export const duration = z.string(A_DURATION).transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value)
  const milliseconds =
    match === null ? NaN : Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS])
  // Node's timers cannot hold more than 2^31 - 1 ms
  if (milliseconds >= 1 && milliseconds <= 2 ** 31 - 1) return milliseconds
  context.addIssue(`${A_DURATION}, found ${JSON.stringify(value)}${withUnit(value)}`)
  return z.NEVER
})

/** As {@link duration}, or 0 for no limit. */
export const durationOrNone = z.union([z.literal(0), duration], `${A_DURATION} or 0 for none`)

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number) {
  const message = `expected a whole number of ${least} to ${most}`
  return z.int(message).min(least, message).max(most, message)
}

const A_FILE = 'expected a file name without control characters'
export const fileName = z.string(A_FILE).regex(/^[^\p{Cc}]+$/u, A_FILE)

/** One line of printable ASCII, blanks and tabs included: what sysctls hold. */
const A_LINE = 'expected one line of printable ASCII'
export const line = z.string(A_LINE).regex(/^[\x20-\x7e\t]*$/, A_LINE)

/**
 * The kernel takes nearly anything of up to 15 bytes (dev_valid_name in net/core/dev.c). Refused
 * here is what the programs that are told the name mean something else by: nftables a quote and
 * an asterisk at the end, dnsmasq a comma, sysctl.d an asterisk, a question mark and an equals
 * sign, units a percent sign, shells most of the rest.
 */
const AN_INTERFACE =
  'expected the name of an interface, of 1 to 15 bytes of letters, digits and . _ + @ ~ - (not first)'
export const interfaceName = z
  .string(AN_INTERFACE)
  .refine(
    (name) =>
      /^[\p{L}\p{N}._+@~][\p{L}\p{N}._+@~-]*$/u.test(name) &&
      Buffer.byteLength(name) <= 15 &&
      !['.', '..'].includes(name),
    AN_INTERFACE,
  )

/** @param expected for a value that is no text at all */
function parsed<T>(expected: string, parse: (text: string) => T) {
  return z.string(expected).transform((value, context): T => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue(describeError(error))
      return z.NEVER
    }
  })
}

/** `127.0.0.1:1080`, `[::1]:1080`: an IP literal and a port. */
export const socketAddress = parsed(
  'expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080)',
  parseSocketAddress,
)

/** `proxy.example.org:1080`, `10.0.2.2:1080`. */
export const destination = parsed('expected host:port or [IPv6]:port', (text) => {
  const value = parseDestination(text)
  if (value.port === 0) throw new Error(`expected a port of 1 to 65535, found ${JSON.stringify(text)}`)
  return value
})

/** `10.0.0.0/8`, `fe80::1`; kept as text, known to be right. */
export const prefix = parsed('expected an IP address or prefix (as 10.0.0.0/8 or fe80::/10)', (text) => {
  new PrefixSet([text])
  return text
})

const A_HOST_NAME = 'expected a host name without a port'
export const hostName = z.string(A_HOST_NAME).regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, A_HOST_NAME)

const A_PATTERN = 'expected a name, *.name, private or a prefix as 10.0.0.0/8'

/** `example.org`, `*.example.org`, `*`, `private` or a prefix: what a rule says of destinations. */
export const destinationPattern = parsed(A_PATTERN, (text) => {
  if (familyOf(text.split('/')[0] ?? '') !== 0) new PrefixSet([text])
  // 10.1 would be a name that no destination ever has
  else if (text !== '*' && (!NAME_PATTERN.test(text) || endsInNumber(text))) {
    throw new Error(`${A_PATTERN}, found ${JSON.stringify(text)}`)
  }
  return text
})
const A_NAT64 = 'expected an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (as 2001:db8:64::/96)'

/** `2001:db8:64::/96`: RFC 6052 §2.2 has the lengths. */
export const nat64Prefix = parsed(A_NAT64, (text) => {
  const [address = '', length = ''] = text.split('/')
  if (familyOf(address) !== 6 || address.includes('%') || !/^(32|40|48|56|64|96)$/.test(length)) {
    throw new Error(`${A_NAT64}, found ${JSON.stringify(text)}`)
  }
  new PrefixSet([text])
  return text
})

const NAME_PATTERN = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i

const A_PORT = 'expected a port or a range as 8000-9000'

/** 443 or `8000-9000`: read as [first, last]. */
export const portRange = z
  .union([z.number(), z.string()], A_PORT)
  .transform((value, context): [number, number] => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(String(value))
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (first >= 1 && first <= last && last <= 65535) return [first, last]
    context.addIssue(`${A_PORT}, found ${JSON.stringify(value)}`)
    return z.NEVER
  })

/** One value or a list of them. */
export const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item).min(1), item.transform((value) => [value])])

const NAME = /^[\w.-]{1,15}$/

/** Name of a scheduler, path manager or congestion control: the kernel holds 15 characters. */
const A_NAME = 'expected a name of at most 15 letters, digits, _ . -'
export const kernelName = z.string(A_NAME).regex(NAME, A_NAME)
