/** Many transfers at once between a server and clients that reach it by one way through the proxies. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Payload } from './payload.js'
import { playPeer, readId, type PeerResult } from './peer.js'
import { ID_LENGTH, type Transfer } from './plan.js'

export interface Finished {
  transfer: Transfer
  client: PeerResult
  /** Undefined when the connection broke before the id arrived. */
  server: PeerResult | undefined
  /** The client's address as the first proxy sees it. */
  clientAddress: string
}

/** Opens the way to the server for one transfer; sends its id with the opening. */
export type Opener = (transfer: Transfer, id: Buffer) => Promise<Socket>

export class ChaosServer {
  readonly #server: Server
  readonly #payload: Payload
  readonly #expected = new Map<number, Transfer>()
  readonly #results = new Map<number, Promise<PeerResult>>()
  readonly #open = new Map<Socket, Promise<void>>()

  constructor(payload: Payload) {
    this.#payload = payload
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, highWaterMark: 256 * 1024 },
      (socket) => {
        this.#open.set(
          socket,
          this.#serve(socket).finally(() => this.#open.delete(socket)),
        )
      },
    )
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '0.0.0.0')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  expect(transfer: Transfer): void {
    this.#expected.set(transfer.id, transfer)
  }

  /** The results so far, when every connection accepted so far is closed. */
  async results(): Promise<Map<number, PeerResult>> {
    while (this.#open.size > 0) await Promise.all(this.#open.values())
    const settled = [...this.#results].map(async ([id, result]) => [id, await result] as const)
    return new Map(await Promise.all(settled))
  }

  /** Destroys every open connection. */
  abandon(): void {
    for (const socket of this.#open.keys()) socket.destroy(new Error('abandoned'))
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  async #serve(socket: Socket): Promise<void> {
    const id = await readId(socket)
    const transfer = id === undefined ? undefined : this.#expected.get(id)
    if (transfer === undefined) {
      socket.destroy()
      return
    }
    const result = playPeer(socket, 'server', transfer, this.#payload, { sent: 0, received: ID_LENGTH })
    this.#results.set(transfer.id, result)
    await result
  }
}

/** No transfer of a healthy proxy takes a tenth of this, milliseconds. */
const PATIENCE = 180_000

/** Runs all transfers at once and returns when both ends of each are closed. Those that hang are cut off, which shows as their error. */
export async function runLoad(
  server: ChaosServer,
  transfers: readonly Transfer[],
  open: Opener,
  payload: Payload,
): Promise<Finished[]> {
  for (const transfer of transfers) server.expect(transfer)
  const sockets = new Map<Socket, Transfer>()
  const watchdog = setTimeout(() => {
    const stuck = [...sockets].filter(([socket]) => !socket.destroyed)
    for (const [socket, transfer] of stuck) {
      socket.destroy(new Error(`no end after ${PATIENCE} ms: ${JSON.stringify(transfer)}`))
    }
    server.abandon()
  }, PATIENCE)
  const clients = await Promise.all(
    transfers.map(async (transfer) => {
      const id = Buffer.alloc(ID_LENGTH)
      id.writeUInt32BE(transfer.id)
      const socket = await open(transfer, id)
      sockets.set(socket, transfer)
      const clientAddress = `${socket.localAddress}:${socket.localPort}`
      const client = await playPeer(socket, 'client', transfer, payload, { sent: ID_LENGTH, received: 0 })
      return { transfer, client, clientAddress }
    }),
  )
  const results = await server.results()
  clearTimeout(watchdog)
  return clients.map((each) => ({ ...each, server: results.get(each.transfer.id) }))
}
