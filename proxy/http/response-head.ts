/**
 * The head of an HTTP/1.x response (RFC 9112 §2, §4, §5) as a pure function. It is written anew for
 * the client, so what old servers do and is read in one way only is let through: lines that end with LF alone, a
 * folded line, blanks before a colon (§2.2, §5.1, §5.2), a status without a reason.
 */
import { MptkError } from '../../src/errors.js'
import { isText, isToken, trimBlanks, type Field } from './fields.js'

/** The longest head; servers send long ones for cookies and policies. */
export const MAX_RESPONSE_HEAD = 64 * 1024

export interface ResponseHead {
  /** Of `HTTP/1.minor`. */
  minor: number
  status: number
  reason: string
  fields: Field[]
  /** As it came. */
  raw: Buffer
}

/** What cannot be a right response. */
export class ResponseProblem extends MptkError {
  constructor(
    message: string,
    /** RFC 9209 §2.3. */
    readonly error: 'http_protocol_error' | 'connection_terminated' = 'http_protocol_error',
  ) {
    super('MPTK_HANDSHAKE', message)
  }
}

const STATUS_LINE = /^HTTP\/1\.(\d) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const EMPTY_LINE = /\r?\n\r?\n/

/** Undefined while the head is incomplete and may still be right. @throws {ResponseProblem} */
export function decodeResponseHead(bytes: Buffer): { value: ResponseHead; length: number } | undefined {
  const text = bytes.toString('latin1', 0, MAX_RESPONSE_HEAD)
  if (!text.startsWith('HTTP/1.'.slice(0, text.length)))
    throw new ResponseProblem('the server does not speak HTTP/1')
  const end = EMPTY_LINE.exec(text)
  if (end === null) {
    if (bytes.length >= MAX_RESPONSE_HEAD) {
      throw new ResponseProblem(`the server's head is longer than ${MAX_RESPONSE_HEAD} bytes`)
    }
    return undefined
  }
  const length = end.index + end[0].length
  const [first = '', ...lines] = unfolded(text.slice(0, end.index)).split(/\r?\n/)
  return { value: { ...statusLine(first), fields: lines.map(field), raw: bytes.subarray(0, length) }, length }
}

function unfolded(head: string): string {
  return head.replace(/\r?\n[ \t]+/g, ' ')
}

function statusLine(line: string): Pick<ResponseHead, 'minor' | 'status' | 'reason'> {
  const [, minor, status, reason = ''] = STATUS_LINE.exec(line) ?? []
  if (minor === undefined) throw new ResponseProblem("the server's first line is no HTTP status line")
  return { minor: Number(minor), status: Number(status), reason }
}

function field(line: string): Field {
  const colon = line.indexOf(':')
  const name = trimBlanks(line.slice(0, Math.max(colon, 0)))
  const value = trimBlanks(line.slice(colon + 1))
  if (!isToken(name)) throw new ResponseProblem('a field of the server has no valid name')
  if (!isText(value)) throw new ResponseProblem(`a control byte in the server's field ${name}`)
  return { name, value }
}
