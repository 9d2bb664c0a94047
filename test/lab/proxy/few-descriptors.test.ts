/**
 * A proxy that may open 300 files: a crowd that says nothing, and sessions that hold all they can,
 * leave it a place for those who do talk, and descriptors for the status address.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startProxy, type BuiltProxy } from '../../support/built-proxy.js'
import { inOwnNetwork } from '../../support/own-network.js'
import { socks5Dial } from '../../support/socks5-dial.js'
import { until } from '../../support/until.js'

const LIMIT = 300
const PORTS = { socks: 1080, status: 9400, echo: 7000, stalling: 7001 }
const BUFFERS = { sendBuffer: 32_768, receiveBuffer: 32_768 }

/** For what a side does not read: more than all buffers on the way take, the pipe aside. */
const MORE_THAN_PASSES = Buffer.alloc(400_000)

interface Status {
  services: { limits: { open: number; connections: number; refused: Record<string, number> } }[]
}

async function limits(proxy: BuiltProxy): Promise<Status['services'][number]['limits']> {
  const [service] = (JSON.parse(await proxy.page('/status')) as Status).services
  if (service === undefined) throw new Error('no service')
  return service.limits
}

async function listening(t: Test, port: number, onConnection: (socket: Socket) => void): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    onConnection(socket)
  })
  server.listen({ port, host: '127.0.0.1', backlog: 1024 })
  await once(server, 'listening')
  t.teardown(() => server.close())
}

/** Connects from the address and says nothing, whatever becomes of it. */
async function silent(from: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: PORTS.socks, localAddress: from })
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve)
    socket.on('error', () => resolve())
  })
  return socket.resume()
}

const dial = (port: number): Promise<Socket> =>
  socks5Dial({ proxyPort: PORTS.socks, host: '127.0.0.1', port })

/** A session that relays one byte each way. */
async function good(): Promise<void> {
  const socket = await dial(PORTS.echo)
  socket.end('x')
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  if (bytes.toString() !== 'x') throw new Error(`found ${bytes.toString()}`)
  socket.destroy()
}

function inUse(proxy: BuiltProxy): number {
  return Object.values(proxy.descriptors()).reduce((sum, each) => sum + each, 0)
}

if (inOwnNetwork(t, import.meta.url)) {
  void t.test('300 descriptors', async (t) => {
    await listening(t, PORTS.echo, (socket) => socket.pipe(socket))
    const stalled: Socket[] = []
    await listening(t, PORTS.stalling, (socket) => {
      stalled.push(socket)
      socket.pause().write(MORE_THAN_PASSES)
    })
    const proxy = await startProxy(t, {
      services: [
        {
          type: 'socks5',
          listen: `127.0.0.1:${PORTS.socks}`,
          transport: 'tcp',
          rules: [{ allow: { destinations: '127.0.0.0/8' } }],
          // within this test only those are let go that give way
          timeouts: { handshake: '10m' },
          ...BUFFERS,
          egress: BUFFERS,
        },
      ],
      statusPort: PORTS.status,
      // the soft limit is raised to the hard one
      prefix: ['prlimit', `--nofile=100:${LIMIT}`],
    })
    t.match(
      proxy.complaints.join('\n'),
      /may open 300 files \(RLIMIT_NOFILE\).*socks5 \d+ instead of 32768.*LimitNOFILE=/,
    )
    const { connections } = await limits(proxy)
    t.ok(connections >= 50, `${connections} places`)

    await t.test('400 clients that say nothing', async (t) => {
      const crowd = await Promise.all(
        Array.from({ length: 400 }, (_, n) => silent(n % 2 === 0 ? '127.0.0.1' : `127.0.1.${n % 250}`)),
      )
      for (let round = 0; round < 3; round++) {
        t.equal(await proxy.page('/healthz'), 'ok\n')
        await until('a good one gets through', () => good().then(() => undefined, String))
        t.ok(inUse(proxy) < LIMIT - 20, `${inUse(proxy)} descriptors`)
      }
      t.match(await limits(proxy), { connections })
      const { refused } = await limits(proxy)
      t.ok((refused['handshake'] ?? 0) >= 1, 'in the place of one that had said nothing for long')
      t.equal(await proxy.metric('mptk_refused_total', { limit: 'handshake' }), refused['handshake'])
      for (const each of crowd) each.destroy()
      await until('they are gone', async () => {
        const { open } = await limits(proxy)
        return open === 0 ? undefined : `${open} places taken`
      })
      t.ok(proxy.complaints.length < 10, `${proxy.complaints.length} lines of complaint`)
    })

    await t.test('every place taken by a session that is stuck both ways', async (t) => {
      const sessions: Socket[] = []
      for (let n = 0; n < connections; n++) {
        const session = await dial(PORTS.stalling)
        session.pause().on('error', () => session.destroy())
        session.write(MORE_THAN_PASSES)
        sessions.push(session)
      }
      await until('some hold pipes', () => {
        const { pipe = 0 } = proxy.descriptors()
        return pipe >= 20 ? undefined : `${pipe} ends of pipes`
      })
      t.ok(inUse(proxy) < LIMIT - 20, `${inUse(proxy)} descriptors`)
      t.match(await limits(proxy), { open: connections })
      await t.rejects(dial(PORTS.echo), { message: 'the proxy answered 054c0001' }, 'told so')
      t.equal(await proxy.page('/healthz'), 'ok\n')
      for (const each of [...sessions, ...stalled]) each.destroy()
      await until('they are gone', async () => {
        const { open } = await limits(proxy)
        return open === 0 ? undefined : `${open} places taken`
      })
      await good()
    })
    t.match(await proxy.stop(), { code: 0 })
  })
}
