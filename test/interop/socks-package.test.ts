/** npm `socks`, the client library that most Node programs use. */
import t from 'tap'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { SocksClient, type SocksProxy } from 'socks'
import { inOwnNetwork } from '../support/own-network.js'
import { sha256 } from '../support/tools.js'
import { PORTS, startProxies, startWeb, USER } from './setting.js'

const open: SocksProxy = { host: '127.0.0.1', port: PORTS.open, type: 5 }
const users: SocksProxy = {
  host: '127.0.0.1',
  port: PORTS.users,
  type: 5,
  userId: USER.name,
  password: USER.password,
}

/** The body of a plain GET. */
async function fetchBody(socket: Socket, path: string): Promise<Buffer> {
  socket.write(`GET ${path} HTTP/1.0\r\nHost: web\r\n\r\n`)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  const answer = Buffer.concat(chunks)
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4)
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('npm socks', async (t) => {
    const web = await startWeb(t)
    await startProxies(t)

    for (const proxy of [open, users]) {
      for (const host of ['127.0.0.1', '::1', 'localhost']) {
        const destination = { host, port: PORTS.web }
        const { socket } = await SocksClient.createConnection({ proxy, destination, command: 'connect' })
        t.equal(sha256(await fetchBody(socket, web.big.path)), web.big.hash, `${proxy.port}, ${host}`)
      }
    }

    const { socket } = await SocksClient.createConnectionChain({
      proxies: [open, users],
      destination: { host: 'localhost', port: PORTS.web },
      command: 'connect',
    })
    t.equal(sha256(await fetchBody(socket, web.big.path)), web.big.hash, 'a chain of two')

    const toWeb = { destination: { host: 'localhost', port: PORTS.web }, command: 'connect' as const }
    const wrong = { ...users, password: 'wrong' }
    await t.rejects(
      SocksClient.createConnection({ proxy: wrong, ...toWeb }),
      { message: /Socks5 Authentication failed/ },
      'a wrong password',
    )
    const refused = { destination: { host: '127.0.0.1', port: PORTS.refused }, command: 'connect' as const }
    await t.rejects(
      SocksClient.createConnection({ proxy: open, ...refused }),
      { message: /ConnectionRefused/ },
      'a refused connection',
    )
    const associate = new SocksClient({ proxy: open, ...toWeb, command: 'associate' })
    associate.connect()
    const [error] = (await once(associate, 'error')) as [Error]
    t.match(error.message, /CommandNotSupported/, 'UDP ASSOCIATE')
  })
}
