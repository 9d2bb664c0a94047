/** The fields of a message's head (RFC 9110 §5), and those that concern one connection alone (§7.6.1). */

export interface Field {
  /** As it was written; names are compared without case. */
  name: string
  value: string
}

export interface Fields {
  fields: Field[]
}

/** RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)
}

/** RFC 9110 §5.5: VCHAR, obs-text, space and tab. */
export function isText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}

/** Space and tab only; a loop, for a regular expression takes quadratic time over many blanks. */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** All values of a field, in their order. @param name in lower case */
export function valuesOf({ fields }: Fields, name: string): string[] {
  return fields.filter((each) => each.name.toLowerCase() === name).map((each) => each.value)
}

/** The members of a field that is a list of tokens, in lower case. @param name in lower case */
export function listOf(head: Fields, name: string): string[] {
  return valuesOf(head, name)
    .flatMap((value) => value.split(','))
    .map((member) => trimBlanks(member).toLowerCase())
    .filter((member) => member !== '')
}

/** RFC 9110 §7.6.1, §11.7: concern this connection alone, whether Connection names them or not. */
const ONE_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'upgrade',
]

/** What goes on to the next hop. `Transfer-Encoding` is left to whoever knows what becomes of the body. */
export function endToEnd(head: Fields): Field[] {
  const dropped = new Set([...ONE_HOP, ...listOf(head, 'connection')])
  return head.fields.filter(({ name }) => !dropped.has(name.toLowerCase()))
}

export function encodeHead(startLine: string, fields: readonly Field[]): Buffer {
  const lines = fields.map(({ name, value }) => `${name}: ${value}\r\n`)
  return Buffer.from(`${startLine}\r\n${lines.join('')}\r\n`, 'latin1')
}
