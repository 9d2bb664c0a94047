/**
 * The server name of a TLS ClientHello (RFC 8446 §4.1.2, §5.1; RFC 6066 §3), read from the
 * plain first records of a connection without touching them. With Encrypted Client Hello this
 * is the name of the outer one.
 */
import { wrongProtocol } from '../wrong-protocol.js'
import type { Opening, Refusal } from './opening.js'

/** Of the handshake message. Today's are of 200 to 2000 bytes. */
const MAX_HELLO = 16 * 1024
/** No more bytes are held undecided: with the headers of its records, should it be cut into many. */
export const MAX_OPENING = MAX_HELLO + 2048

const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const HOST_NAME = 0
/** RFC 8446 §5.1: of a plaintext record. */
const MAX_FRAGMENT = 2 ** 14

/** RFC 8446 §6: alert record, TLS 1.2 as its legacy version, fatal. */
const alert = (description: number): Uint8Array => Uint8Array.of(21, 3, 3, 0, 2, 2, description)
/** RFC 8446 §9.2 for a client without a name, RFC 6066 §3 for one with a name that is not ours. */
const ALERTS: Partial<Record<Refusal, Uint8Array>> = { nameless: alert(109), unknown: alert(112) }

const HINT = 'This port speaks TLS: use https.'

/** Undefined while undecided; takes nothing away: every byte belongs to the backend. Throws nothing. */
export function decodeClientHello(bytes: Buffer): { value: Opening; length: number } | undefined {
  const value = decodeHello(bytes)
  return value === undefined ? undefined : { value, length: 0 }
}

/** The last word to a client; undefined where only a reset is left. @param bytes what it sent */
export function clientHelloAnswer(why: Refusal, bytes: Buffer): Uint8Array | undefined {
  return why === 'foreign' ? wrongProtocol(bytes, HINT) : ALERTS[why]
}

/** Says what breaks the format; never leaves this file. */
class Malformed extends Error {}

function decodeHello(bytes: Buffer): Opening | undefined {
  try {
    const hello = handshakeMessage(bytes)
    return hello === undefined ? undefined : nameIn(hello)
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'foreign', why: error.message }
    throw error
  }
}

/** The body of the ClientHello, put together from its records; undefined while some is missing. */
function handshakeMessage(bytes: Buffer): Buffer | undefined {
  const fragments: Buffer[] = []
  let have = 0
  let end: number | undefined
  for (const fragment of fragmentsOf(bytes)) {
    fragments.push(fragment)
    have += fragment.length
    if (end === undefined && have >= 4) end = messageEnd(Buffer.concat(fragments))
    // what follows may be of any type: early data, for example
    if (end !== undefined && have >= end) return Buffer.concat(fragments).subarray(4, end)
  }
  if (bytes.length > MAX_OPENING) throw new Malformed(`no ClientHello within ${MAX_OPENING} bytes`)
  return undefined
}

function messageEnd(start: Buffer): number {
  if (start[0] !== CLIENT_HELLO) throw new Malformed('no ClientHello')
  const end = 4 + start.readUIntBE(1, 3)
  if (end > MAX_HELLO) throw new Malformed(`a ClientHello of ${end} bytes`)
  return end
}

/** What the records hold; of the last one what has arrived. */
function* fragmentsOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) throw new Malformed('no TLS handshake record')
    // the two bytes of its version are to be ignored for all purposes (RFC 8446 §5.1)
    if (bytes.length < at + 5) return
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > MAX_FRAGMENT) throw new Malformed(`a record of ${length} bytes`)
    yield bytes.subarray(at + 5, at + 5 + length)
    at += 5 + length
  }
}

function nameIn(hello: Buffer): Opening {
  const fields = new Fields(hello)
  fields.take(2 + 32) // legacy version and random
  fields.vector(1, 0, 32) // legacy session id
  if (fields.vector(2, 2, 0xfffe).length % 2 !== 0) throw new Malformed('half a cipher suite')
  fields.vector(1, 1, 255) // compression methods
  // before TLS 1.3 a hello may end here
  if (fields.atEnd()) return NAMELESS
  const extensions = new Fields(fields.vector(2, 0, 0xffff))
  if (!fields.atEnd()) throw new Malformed('bytes behind the extensions')
  const seen = new Set<number>()
  let name: string | undefined
  while (!extensions.atEnd()) {
    const type = extensions.number(2)
    const data = extensions.vector(2, 0, 0xffff)
    if (seen.has(type)) throw new Malformed(`extension ${type} twice`)
    seen.add(type)
    if (type === SERVER_NAME) name = hostName(data)
  }
  return name === undefined ? NAMELESS : { kind: 'site', name }
}

const NAMELESS: Opening = { kind: 'nameless', why: 'the TLS client names no server' }

/** RFC 6066 §3: a list with at most one name of each type. */
function hostName(data: Buffer): string | undefined {
  const fields = new Fields(data)
  const list = new Fields(fields.vector(2, 1, 0xffff))
  if (!fields.atEnd()) throw new Malformed('bytes behind the server name')
  const seen = new Set<number>()
  let name: string | undefined
  while (!list.atEnd()) {
    const type = list.number(1)
    const value = list.vector(2, 1, 0xffff)
    if (seen.has(type)) throw new Malformed('two server names')
    seen.add(type)
    if (type === HOST_NAME) name = value.toString('latin1')
  }
  if (name !== undefined && !/^[\w.-]{1,255}$/.test(name)) throw new Malformed('no valid server name')
  return name
}

/** TLS's presentation language (RFC 8446 §3): numbers and vectors, one after the other. */
class Fields {
  #rest: Buffer

  constructor(bytes: Buffer) {
    this.#rest = bytes
  }

  atEnd(): boolean {
    return this.#rest.length === 0
  }

  take(length: number): Buffer {
    if (this.#rest.length < length) throw new Malformed('a field reaches beyond the end')
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  number(size: 1 | 2): number {
    return this.take(size).readUIntBE(0, size)
  }

  /** A vector whose length, from `least` to `most`, stands before it in `size` bytes. */
  vector(size: 1 | 2, least: number, most: number): Buffer {
    const length = this.number(size)
    if (length < least || length > most) throw new Malformed(`a field of ${length} bytes`)
    return this.take(length)
  }
}
