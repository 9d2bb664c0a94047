/**
 * The head of an HTTP/1.x request (RFC 9112 §2, §3, §5) as a pure function, as strict as the
 * grammar: what two programs could read in two ways is refused, for that is how requests are
 * smuggled. Bare CR and LF, folded lines, blanks before a colon, control bytes: all refused.
 */
import { MptkError } from '../../src/errors.js'
import { isText, isToken, trimBlanks, type Field } from './fields.js'

/** The longest head; browsers and servers keep to about half of it. */
export const MAX_HEAD = 32 * 1024

export interface RequestHead {
  method: string
  /** Bytes beyond ASCII are let through: programs send paths in raw UTF-8. */
  target: string
  /** Of `HTTP/1.minor`; what is above 1 means 1 to us (RFC 9110 §2.5). */
  minor: number
  fields: Field[]
  /** As it came, without empty lines before it. */
  raw: Buffer
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

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)$/
const END = '\r\n\r\n'
const CR = 0x0d
const LF = 0x0a

/** Undefined while the head is incomplete and may still be right. @throws {RequestProblem} */
export function decodeRequestHead(bytes: Buffer): { value: RequestHead; length: number } | undefined {
  const start = emptyLines(bytes)
  const rest = bytes.subarray(start)
  const end = rest.indexOf(END)
  if (end === -1) {
    refuseEarly(rest)
    return undefined
  }
  const length = end + END.length
  if (start + length > MAX_HEAD) throw tooLong()
  const [first = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n')
  const raw = rest.subarray(0, length)
  return { value: { ...requestLine(first), fields: lines.map(field), raw }, length: start + length }
}

/** RFC 9112 §2.2: some clients send an empty line after a body, which is then before the next request. */
function emptyLines(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === CR && bytes[at + 1] === LF) at += 2
  return at
}

/** What is wrong already: nobody shall wait for the rest of it. */
function refuseEarly(bytes: Buffer): void {
  const first = bytes[0]
  const half = bytes.length === 1 && first === CR
  if (first !== undefined && !half && !isToken(String.fromCharCode(first))) {
    throw new RequestProblem('the first bytes are not HTTP', 400, false)
  }
  const lineEnd = bytes.indexOf(LF)
  if (lineEnd !== -1) {
    if (bytes[lineEnd - 1] !== CR) throw new RequestProblem('a line ends with a bare LF')
    requestLine(bytes.toString('latin1', 0, lineEnd - 1))
  }
  if (bytes.length > MAX_HEAD) throw tooLong()
}

function tooLong(): RequestProblem {
  return new RequestProblem(`the head is longer than ${MAX_HEAD} bytes`, 431)
}

function requestLine(line: string): Pick<RequestHead, 'method' | 'target' | 'minor'> {
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
  if (!isToken(name)) throw new RequestProblem('a field has no valid name')
  if (!isText(value)) throw new RequestProblem(`a control byte in the field ${name}`)
  return { name, value }
}
