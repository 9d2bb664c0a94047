/** Delivers one case to a proxy and checks what comes back against the model. */
import { connect, type Socket } from 'node:net'
import type { Case } from './corpus.js'
import type { Expectation } from './model.js'

export interface Observed {
  output: Buffer
  /** We broke off, or writing failed: what came back may be only the beginning. */
  partial: boolean
}

/**
 * Resolves when the connection is gone.
 * @param patience how many bytes are answered before the one that it waits for: it ends its direction after that.
 * Without, at once: it has sent payload ahead, or what it says is unfinished or wrong.
 */
export function deliver(
  { bytes, mode }: Case,
  port: number,
  source: string,
  patience?: number,
): Promise<Observed> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let partial = mode === 'reset' || mode === 'vanish'
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: source,
      noDelay: mode === 'drip' || mode === 'split',
      allowHalfOpen: true,
    })
    let answered = 0
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      answered += chunk.length
      if (patience !== undefined && answered > patience) socket.end()
    })
    // the proxy has ended: whatever we still wanted to send is in vain
    socket.on('end', () => socket.destroy())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall !== 'read') partial = true
    })
    socket.on('close', () => resolve({ output: Buffer.concat(chunks), partial }))
    socket.on('connect', () => send(socket, bytes, mode, patience === undefined))
  })
}

function send(socket: Socket, bytes: Buffer, mode: Case['mode'], ends: boolean): void {
  const last = (rest: Buffer) => (ends ? socket.end(rest) : socket.write(rest))
  switch (mode) {
    case 'whole':
      last(bytes)
      return
    case 'split':
      // the middle is within a message for nearly every case
      socket.write(bytes.subarray(0, bytes.length >> 1))
      setImmediate(() => last(bytes.subarray(bytes.length >> 1)))
      return
    case 'drip':
      drip(socket, bytes, ends)
      return
    case 'reset':
      socket.write(bytes, () => socket.resetAndDestroy())
      return
    case 'vanish':
      socket.write(bytes, () => socket.destroy())
  }
}

function drip(socket: Socket, bytes: Buffer, ends: boolean): void {
  if (socket.destroyed) return
  if (bytes.length === 0) {
    if (ends) socket.end()
    return
  }
  socket.write(bytes.subarray(0, 1))
  setImmediate(drip, socket, bytes.subarray(1), ends)
}

/** What is wrong with the answer, or undefined. */
export function fault(expected: Expectation, { output, partial }: Observed): string | undefined {
  const { before, replies, orClose, orBytes, orStart, early } = expected
  if (output.length < before.length) {
    return partial && before.subarray(0, output.length).equals(output)
      ? undefined
      : 'the beginning is missing'
  }
  if (!output.subarray(0, before.length).equals(before)) return 'the beginning is wrong'
  const rest = output.subarray(before.length)
  if (rest.length === 0) return orClose || partial ? undefined : 'no reply'
  if (orBytes?.equals(rest) === true) return undefined
  const start = partial ? orStart?.subarray(0, rest.length) : orStart
  if (start?.equals(rest.subarray(0, start.length)) === true) return undefined

  const length = rest[3] === 1 ? 10 : rest[3] === 4 ? 22 : undefined
  const code = rest[1]
  if (rest[0] !== 5 || rest[2] !== 0 || length === undefined || rest.length < length || code === undefined) {
    return 'not a reply'
  }
  if (!replies.has(code)) return `reply ${code}, expected one of ${[...replies].join(', ') || 'none'}`
  const payload = rest.subarray(length)
  if (code !== 0) return payload.length === 0 ? undefined : 'payload behind a refusal'
  if (rest.readUInt16BE(length - 2) === 0) return 'a success without a bound port'
  const arrived = partial ? early.subarray(0, payload.length) : early
  return payload.equals(arrived) ? undefined : `${payload.length} bytes of payload, expected ${early.length}`
}

/** See {@link deliver}: whoever is owed a reply, and has sent nothing ahead, waits for it; to end before is to leave. */
export function patienceFor({ before, orClose, early }: Expectation): number | undefined {
  return orClose || early.length > 0 ? undefined : before.length
}

/** What an answer ended with, for the tally. */
export function endingOf({ before }: Expectation, { output }: Observed): string {
  if (before.length === 0 && output.length > 0 && output[0] !== 5) return 'another protocol'
  if (output.length > before.length) return `reply ${output[before.length + 1] ?? 'cut off'}`
  return output.length === 0 ? 'close' : `close after ${output.toString('hex')}`
}
