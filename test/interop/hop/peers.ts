/** A raw client and raw origins, which send and expect exact bytes: what is between them is what is tried. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** The longest that anything may take before it counts as "nothing comes any more", milliseconds. */
export const PATIENCE = { ours: 20_000, others: 1_500 }

/** One end of a connection, with all that has arrived. */
export class Peer {
  readonly socket: Socket
  received = ''
  ended: 'open' | 'end' | 'reset' = 'open'
  readonly #patience: number
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket, patience: number) {
    this.socket = socket
    this.#patience = patience
    socket.setNoDelay()
    socket.on('data', (bytes: Buffer) => this.#note(() => (this.received += bytes.toString('latin1'))))
    socket.on('end', () => this.#note(() => (this.ended = 'end')))
    socket.on('close', () => this.#note(() => (this.ended = this.ended === 'open' ? 'end' : this.ended)))
    socket.on('error', () => this.#note(() => (this.ended = 'reset')))
  }

  send(text: string): this {
    if (this.socket.writable) this.socket.write(Buffer.from(text, 'latin1'))
    return this
  }

  finish(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Until the text has arrived, the other side has ended, or patience has. True when it has arrived. */
  async sees(text: string): Promise<boolean> {
    await this.#until(() => this.received.includes(text) || this.ended !== 'open')
    return this.received.includes(text)
  }

  async seesEnd(): Promise<void> {
    await this.#until(() => this.ended !== 'open')
  }

  #note(change: () => void): void {
    change()
    for (const wake of this.#waiting) wake()
  }

  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const look = (): void => {
        if (holds()) done()
      }
      const timer = setTimeout(done, this.#patience)
      this.#waiting.add(look)
      look()
    })
  }
}

export type Script = (peer: Peer) => Promise<void> | void

/** A server that plays a script to each of its connections and remembers them. */
export class Origin {
  readonly connections: Peer[] = []
  #script: Script = () => undefined
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new Peer(socket, this.patience)
    this.connections.push(peer)
    void this.#script(peer)
  })

  constructor(readonly patience: number) {}

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Forgets all connections and plays another script from now on. */
  play(script: Script): void {
    for (const { socket } of this.connections) socket.destroy()
    this.connections.length = 0
    this.#script = script
  }

  /** All that has ever arrived in this case. */
  get received(): string {
    return this.connections.map(({ received }) => received).join('')
  }

  close(): void {
    this.play(() => undefined)
    this.#server.close()
  }
}

export async function connectTo(port: number, patience: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const peer = new Peer(socket, patience)
  await once(socket, 'connect')
  return peer
}
