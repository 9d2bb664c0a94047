/** One side of a transfer: sends, half-closes, receives and hashes, reads slowly or breaks off as planned. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Payload } from './payload.js'
import { ID_LENGTH, type Side, type Transfer } from './plan.js'

/** A slow reader rests after each chunk, so often and so long at most, milliseconds. */
const RESTS = 40
const REST = 5

export interface PeerResult {
  /** Bytes given to the socket, and bytes taken from it. */
  sent: number
  received: number
  /** SHA-256 of what was received. */
  hash: string
  /** The other side's end of stream arrived; or a reset right behind data, which libuv reports the same way. */
  ended: boolean
  /** This side broke off as planned. */
  cut: boolean
  /** errno name of what broke the connection. */
  error: string | undefined
}

/**
 * Plays `side` of the transfer on a connected socket (half-open allowed) until it is closed.
 * @param already bytes of ours that are sent, and of theirs that are received, the id that is
 */
export function playPeer(
  socket: Socket,
  side: Side,
  transfer: Transfer,
  payload: Payload,
  already: { sent: number; received: number },
): Promise<PeerResult> {
  const total = side === 'client' ? transfer.up : transfer.down
  const hash = createHash('sha256')
  const result: PeerResult = { ...already, hash: '', ended: false, cut: false, error: undefined }
  if (already.received > 0) {
    const other = side === 'client' ? 'server' : 'client'
    for (const chunk of payload.chunks(transfer, other, already.received)) hash.update(chunk)
  }
  const waits = transfer.order === (side === 'server' ? 'request-first' : 'response-first')
  let rests = transfer.slow === side ? RESTS : 0

  /** True when the planned moment has come, and the connection with it to its end. */
  function breakOff(): boolean {
    const { cut } = transfer
    if (cut?.by !== side || result.sent + result.received < cut.after) return result.cut
    if (result.cut) return true
    result.cut = true
    if (cut.how === 'reset') reset(socket)
    else socket.destroy()
    return true
  }

  async function send(): Promise<void> {
    if (waits && !result.ended) await Promise.race([once(socket, 'end'), closed])
    let skip = already.sent
    for (const chunk of payload.chunks(transfer, side, total)) {
      if (skip >= chunk.length) {
        skip -= chunk.length
        continue
      }
      if (breakOff() || socket.destroyed) return
      result.sent += chunk.length
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), closed])
    }
    if (!breakOff() && !socket.destroyed) socket.end()
  }

  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', (error: NodeJS.ErrnoException) => (result.error = error.code ?? error.message))
  socket.on('end', () => (result.ended = true))
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    result.received += chunk.length
    if (breakOff() || rests === 0) return
    rests--
    socket.pause()
    setTimeout(() => socket.resume(), REST)
  })
  socket.resume()
  const sending = breakOff() ? Promise.resolve() : send().catch(() => socket.destroy())
  return Promise.all([closed, sending]).then(() => ({ ...result, hash: hash.digest('hex') }))
}

/** libuv refuses a reset while a shutdown waits for its bytes (and Node then never closes the socket). */
function reset(socket: Socket): void {
  if (!socket.writableEnded || socket.writableFinished) {
    socket.resetAndDestroy()
    return
  }
  socket.pause()
  socket.once('finish', () => socket.resetAndDestroy())
}

/** The id that a client's first bytes are; undefined when the connection ends before. */
export async function readId(socket: Socket): Promise<number | undefined> {
  socket.on('error', () => socket.destroy())
  for (;;) {
    const bytes = socket.read(ID_LENGTH) as Buffer | null
    if (bytes?.length === ID_LENGTH) return bytes.readUInt32BE(0)
    if (bytes !== null || socket.readableEnded || socket.destroyed) return undefined
    await new Promise<void>((resolve) => {
      for (const event of ['readable', 'end', 'close']) socket.once(event, () => resolve())
    })
  }
}
