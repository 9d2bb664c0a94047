/** A plain SOCKS5 CONNECT by net.Socket, for peers that need one; not this project's own client. */
import { once } from 'node:events'
import { connect, isIPv4, type Socket } from 'node:net'

export interface Socks5Target {
  proxyPort: number
  /** IPv4 literal or a name. */
  host: string
  port: number
  /** The client's own address. */
  from?: string
  user?: { name: string; password: string }
  /** Payload to send in one piece with the request. */
  early?: Buffer
}

/** A connected socket (half-open allowed, paused). @throws when the proxy answers anything but success */
export async function socks5Dial(target: Socks5Target): Promise<Socket> {
  const { proxyPort, from, early = Buffer.alloc(0) } = target
  const socket = connect({
    host: '127.0.0.1',
    port: proxyPort,
    allowHalfOpen: true,
    noDelay: true,
    ...(from !== undefined && { localAddress: from }),
  })
  try {
    await once(socket, 'connect')
    await authenticate(socket, target.user)
    socket.write(Buffer.concat([request(target), early]))
    const head = await take(socket, 4)
    if (head[0] !== 5 || head[1] !== 0) throw new Error(`the proxy answered ${head.toString('hex')}`)
    await take(socket, (head[3] === 4 ? 16 : 4) + 2)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function authenticate(socket: Socket, user: Socks5Target['user']): Promise<void> {
  const method = user === undefined ? 0 : 2
  socket.write(Buffer.from([5, 1, method]))
  await expect(socket, [5, method])
  if (user === undefined) return
  const { name, password } = user
  socket.write(Buffer.from([1, name.length, ...Buffer.from(name), password.length, ...Buffer.from(password)]))
  await expect(socket, [1, 0])
}

function request({ host, port }: Socks5Target): Buffer {
  const address = isIPv4(host) ? [1, ...host.split('.').map(Number)] : [3, host.length, ...Buffer.from(host)]
  return Buffer.from([5, 1, 0, ...address, port >> 8, port & 255])
}

async function expect(socket: Socket, bytes: number[]): Promise<void> {
  const found = await take(socket, bytes.length)
  if (!found.equals(Buffer.from(bytes))) throw new Error(`the proxy answered ${found.toString('hex')}`)
}

/** Exactly so many bytes; what follows stays in the socket. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null
    if (bytes?.length === length) return bytes
    if (bytes !== null || socket.readableEnded) throw new Error('the proxy closed within the handshake')
    await Promise.race([once(socket, 'readable'), once(socket, 'end')])
  }
}
