/** Services in this process over real loopback sockets, and a client that knows the protocol byte by byte. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { SessionRecord } from '../../../proxy/session.js'
import { startHost, type Host } from '../../../src/cli/host.js'
import { checkConfig } from '../../../src/config/load.js'
import { LOGGER_OPTIONS } from '../../../src/log.js'
import { until } from '../../support/until.js'

/** Lets tests reach servers on loopback, which a proxy otherwise protects. */
export const ALLOW_LOOPBACK = [{ allow: { destinations: ['127.0.0.0/8', '::1'] } }]

export interface TestHost {
  host: Host
  /** Where each service listens on 127.0.0.1. */
  ports: number[]
  /** Everything logged so far, as one text. */
  logged: () => string
  /** The records of ended sessions, once there are so many. */
  records: (count: number) => Promise<SessionRecord[]>
}

/** @param services as in the configuration file, less what all have in common */
export async function testHost(t: Test, ...services: object[]): Promise<TestHost> {
  const config = checkConfig(
    { services: services.map((each) => ({ listen: '127.0.0.1:0', ...each })) },
    'test',
  )
  const lines: string[] = []
  const log = pino(LOGGER_OPTIONS, { write: (line: string) => lines.push(line) })
  const host = await startHost(config, log)
  t.teardown(() => host.stop())
  const records = (): SessionRecord[] =>
    lines
      .map((line) => JSON.parse(line) as SessionRecord & { msg: string })
      .filter(({ msg }) => msg === 'session ended')
  return {
    host,
    ports: host.services.map(({ listeners }) => listeners[0]?.address.port ?? 0),
    logged: () => lines.join(''),
    async records(count) {
      await until(`${count} sessions end`, () =>
        records().length >= count ? undefined : `${records().length} ended`,
      )
      return records()
    },
  }
}

/** A server on loopback; closed, with its connections, when the test ends. */
export async function server(
  t: Test,
  onConnection: (socket: Socket) => void,
  address = '127.0.0.1',
): Promise<number> {
  const sockets = new Set<Socket>()
  const listener: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // what clients do to it is the test's business
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  listener.listen(0, address)
  await once(listener, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return (listener.address() as AddressInfo).port
}

/** Sends everything back, and ends when the client does. */
export function echoServer(t: Test): Promise<number> {
  return server(t, (socket) => socket.pipe(socket))
}

/** A port of loopback on which nothing listens, for as long as nobody takes it. */
export async function closedPort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

/** A client that sends and expects exact bytes. */
export class Talker {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #ended: 'no' | 'end' | 'reset' = 'no'

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay()
    socket.on('data', (bytes: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, bytes])))
    socket.on('end', () => (this.#ended = 'end'))
    socket.on('error', () => (this.#ended = 'reset'))
  }

  /** @param from the client's own address */
  static async to(t: Test, port: number, from = '127.0.0.1'): Promise<Talker> {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    const talker = new Talker(socket)
    // a refused client may see the reset before it knows that it was connected
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve)
      socket.once('error', () => resolve())
    })
    return talker
  }

  /** @param message hexadecimal, blanks do not count */
  send(message: string | Buffer): this {
    this.socket.write(typeof message === 'string' ? hex(message) : message)
    return this
  }

  /** The next so many bytes, hexadecimal. @throws when the proxy ends first */
  async take(length: number): Promise<string> {
    await until(`${length} bytes`, () => {
      if (this.#bytes.length >= length || this.#ended !== 'no') return undefined
      return `${this.#bytes.length} bytes`
    })
    if (this.#bytes.length < length) throw new Error(`${this.#ended} after ${this.#bytes.toString('hex')}`)
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return taken.toString('hex')
  }

  /** All bytes up to the end, hexadecimal, or `reset` when it is not an orderly one; then closes. */
  async rest(): Promise<string> {
    await until('the end', () =>
      this.#ended === 'no' ? `open after ${this.#bytes.length} bytes` : undefined,
    )
    this.socket.destroy()
    return this.#ended === 'reset' ? 'reset' : this.#bytes.toString('hex')
  }

  /** What has arrived so far, hexadecimal. */
  get arrived(): string {
    return this.#bytes.toString('hex')
  }
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** A CONNECT request, hexadecimal. */
export function request(host: string, port: number, command = 1): string {
  const ipv4 = /^\d+\.\d+\.\d+\.\d+$/.test(host)
  const address = ipv4
    ? `01${Buffer.from(host.split('.').map(Number)).toString('hex')}`
    : `03${Buffer.from([host.length]).toString('hex')}${Buffer.from(host).toString('hex')}`
  return `05${hexByte(command)}00${address}${port.toString(16).padStart(4, '0')}`
}

/** A reply without an address, which every failure is. */
export function failure(reply: number): string {
  return `05${hexByte(reply)}0001000000000000`
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** A SOCKS5 client that can do without authentication. */
export const NO_AUTH = '05 01 00'

/** A service with an upstream one at a port of this host; `upstream` and `more` besides what it must have. */
export function near(t: Test, port: number, upstream: object = {}, more: object = {}): Promise<TestHost> {
  return testHost(t, {
    type: 'socks5',
    rules: ALLOW_LOOPBACK,
    upstream: { type: 'socks5', address: `127.0.0.1:${port}`, ...upstream },
    ...more,
  })
}
