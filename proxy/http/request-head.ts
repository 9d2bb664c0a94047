/**
 * The head of an HTTP/1.x request (RFC 9112 §2, §3, §5) as a pure function, as strict as the
 * grammar: what two programs could read in two ways is refused, for that is how requests are
 * smuggled. Bare CR and LF, folded lines, blanks before a colon, control bytes: all refused.
 */
import { MptkError } from '../../src/errors.js'

/** The longest head; browsers and servers keep to about half of it. */
export const MAX_HEAD = 32 * 1024

export interface Field {
  /** As it was written; names are compared without case. */
  name: string
  value: string
}

export interface RequestHead {
  method: string
  target: string
  /** Of `HTTP/1.minor`. */
  minor: number
  fields: Field[]
}

/** What cannot be a right request. */
export class RequestProblem extends MptkError {
  constructor(
    message: string,
    /** What to answer. */
    readonly status: 400 | 431 | 505 = 400,
    /** False where the bytes are not HTTP/1.x at all. */
    readonly http = true,
  ) {
    super('MPTK_HANDSHAKE', message)
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/
/** RFC 9110 §5.5: VCHAR, obs-text, space and tab. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const END = '\r\n\r\n'
const LF = 0x0a

/** Undefined while the head is incomplete and may still be right. @throws {RequestProblem} */
export function decodeRequestHead(bytes: Buffer): { value: RequestHead; length: number } | undefined {
  const end = bytes.indexOf(END)
  if (end === -1) {
    refuseEarly(bytes)
    return undefined
  }
  const length = end + END.length
  if (length > MAX_HEAD) throw new RequestProblem(`the head is longer than ${MAX_HEAD} bytes`, 431)
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  return { value: { ...requestLine(first), fields: lines.map(field) }, length }
}

/** What is wrong already: nobody shall wait for the rest of it. */
function refuseEarly(bytes: Buffer): void {
  const first = bytes[0]
  if (first !== undefined && !TOKEN.test(String.fromCharCode(first))) {
    throw new RequestProblem('the first bytes are not HTTP', 400, false)
  }
  const lineEnd = bytes.indexOf(LF)
  if (lineEnd !== -1) {
    if (bytes[lineEnd - 1] !== 0x0d) throw new RequestProblem('a line ends with a bare LF')
    requestLine(bytes.toString('latin1', 0, lineEnd - 1))
  }
  if (bytes.length > MAX_HEAD) throw new RequestProblem(`the head is longer than ${MAX_HEAD} bytes`, 431)
}

function requestLine(line: string): Omit<RequestHead, 'fields'> {
  const match = REQUEST_LINE.exec(line)
  if (match === null) throw new RequestProblem('the first line is no HTTP request line', 400, false)
  const [, method = '', target = '', major, minor] = match
  if (major !== '1') {
    throw new RequestProblem(`the client speaks HTTP/${major ?? ''}.${minor ?? ''}`, 505, false)
  }
  return { method, target, minor: Number(minor) }
}

function field(line: string): Field {
  if (/^[ \t]/.test(line)) throw new RequestProblem('a field is folded over several lines')
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(colon, 0))
  const value = trimBlanks(line.slice(colon + 1))
  if (!TOKEN.test(name)) throw new RequestProblem('a field has no valid name')
  if (!VALUE.test(value)) throw new RequestProblem(`a control byte in the field ${name}`)
  return { name, value }
}

/** Space and tab only; a loop, for a regular expression takes quadratic time over many blanks. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** All values of a field, in their order. */
export function valuesOf({ fields }: Pick<RequestHead, 'fields'>, name: string): string[] {
  return fields.filter((each) => each.name.toLowerCase() === name).map((each) => each.value)
}
