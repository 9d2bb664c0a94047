/** Well-behaved users of a proxy under attack: one long transfer, and one new connection after another. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Random } from '../support/random.js'
import { socks5Dial, type Socks5Target } from '../support/socks5-dial.js'

const CHUNK = 32 * 1024

export interface Bystanders {
  /** Ends both when what they are doing is done. @throws what went wrong in between */
  finish(): Promise<{ transferred: number; connections: number }>
}

/** @param echo reaches a server that sends back whatever it gets */
export async function startBystanders(echo: Socks5Target, random: Random): Promise<Bystanders> {
  let over = false
  const block = random.bytes(CHUNK)

  const long = await socks5Dial(echo)
  const transfer = async (): Promise<number> => {
    const sent = createHash('sha256')
    const received = createHash('sha256')
    let transferred = 0
    for (; !over; transferred += CHUNK) {
      block.writeUInt32BE(random.word())
      sent.update(block)
      received.update(await roundTrip(long, block))
    }
    long.end()
    if ((await drain(long)).length > 0) throw new Error('the long transfer got more than it sent')
    if (sent.digest('hex') !== received.digest('hex')) throw new Error('the long transfer got wrong bytes')
    return transferred
  }

  const connect = async (): Promise<number> => {
    let connections = 0
    for (; !over; connections++) {
      const socket = await socks5Dial(echo)
      const message = random.bytes(1000)
      socket.end(message)
      if (!(await drain(socket)).equals(message)) throw new Error('a new connection got wrong bytes')
    }
    return connections
  }

  // both are heard of at the end; until then a failure must not end the process
  const running = Promise.all([transfer(), connect()])
  running.catch(() => long.destroy())
  return {
    async finish() {
      over = true
      const [transferred, connections] = await running
      return { transferred, connections }
    },
  }
}

async function roundTrip(socket: Socket, bytes: Buffer): Promise<Buffer> {
  socket.write(bytes)
  for (;;) {
    const back = socket.read(bytes.length) as Buffer | null
    if (back?.length === bytes.length) return back
    if (back !== null || socket.readableEnded) throw new Error('the long transfer was cut off')
    await once(socket, 'readable')
  }
}

async function drain(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
