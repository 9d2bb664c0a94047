/** ClientHellos: OpenSSL's own, and ones put together field by field. */
import { Duplex } from 'node:stream'
import { connect, type ConnectionOptions } from 'node:tls'

/** The first flight that Node's OpenSSL sends. */
export function realHello(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    connect({
      ...options,
      socket: new Duplex({
        read: () => undefined,
        write(chunk: Buffer) {
          resolve(chunk)
        },
      }),
    }).on('error', () => undefined)
  })
}

/** A vector of TLS's presentation language: its length in `size` bytes, then itself. */
export function vector(size: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([length, body])
}

export function extension(type: number, ...data: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, ...data)])
}

export function nameEntry(name: string | Uint8Array, type = 0): Buffer {
  return Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(name))])
}

/** The extension server_name. */
export function serverName(...names: string[]): Buffer {
  return extension(0, vector(2, ...names.map((name) => nameEntry(name))))
}

export interface HelloFields {
  session?: Uint8Array
  suites?: Uint8Array
  compression?: Uint8Array
  /** Undefined for a hello that ends before them. */
  extensions?: Uint8Array[] | undefined
  /** Behind everything. */
  more?: Uint8Array
}

/** The handshake message. */
export function hello(fields: HelloFields): Buffer {
  const {
    session = Buffer.alloc(32),
    suites = Buffer.from([0x13, 1]),
    compression = Buffer.from([0]),
  } = fields
  return Buffer.concat([
    Buffer.from([1]),
    vector(
      3,
      Buffer.from([3, 3]),
      Buffer.alloc(32, 7),
      vector(1, session),
      vector(2, suites),
      vector(1, compression),
      ...(fields.extensions === undefined ? [] : [vector(2, ...fields.extensions)]),
      fields.more ?? Buffer.alloc(0),
    ),
  ])
}

/** Handshake records of at most `size` bytes of the message each. */
export function records(message: Uint8Array, size = 16384): Buffer {
  const cut = []
  for (let at = 0; at < message.length; at += size) {
    cut.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + size)))
  }
  return Buffer.concat(cut)
}
