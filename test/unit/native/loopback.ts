/** Sockets on loopback for the tests of the native core; all are closed when the test ends. */
import type { Test } from 'tap'
import { native, type AcceptedSocket, type NativeSocketOptions } from '../../../src/native.js'
import type { SocketAddress } from '../../../src/address.js'

export type Family = 4 | 6
export type Protocol = 'tcp' | 'mptcp'
export const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const

/** Every kind of socket the tests go through. */
export const KINDS: readonly { family: Family; protocol: Protocol }[] = [
  { family: 4, protocol: 'tcp' },
  { family: 6, protocol: 'tcp' },
  { family: 4, protocol: 'mptcp' },
  { family: 6, protocol: 'mptcp' },
]

/** Waits until the descriptor is ready; what is ready comes back. */
export function ready(fd: number, wanted: 'readable' | 'writable'): Promise<[boolean, boolean]> {
  return new Promise((resolve) => {
    const watcher = native.watch(fd, (readable, writable) => {
      watcher.close()
      resolve([readable, writable])
    })
    watcher.start({ readable: wanted === 'readable', writable: wanted === 'writable' })
  })
}

/** The next bytes, as text; '' at the end of the stream. */
export async function receive(fd: number): Promise<string> {
  const buffer = Buffer.alloc(1024)
  for (;;) {
    const length = native.recv(fd, buffer)
    if (length >= 0) return buffer.toString('latin1', 0, length)
    await ready(fd, 'readable')
  }
}

/** Turns of the event loop until the condition holds; the test's own time limit ends what never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Runs the function and returns what it throws. */
export function thrown(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

export class Loopback {
  readonly #open = new Set<number>()

  constructor(t: Test) {
    t.teardown(() => {
      for (const fd of this.#open) native.close(fd)
    })
  }

  socket(options: NativeSocketOptions): number {
    return this.adopt(native.socket(options))
  }

  /** Closes this descriptor too at the end. */
  adopt(fd: number): number {
    this.#open.add(fd)
    return fd
  }

  /** The test has closed it, or will. */
  release(fd: number): number {
    this.#open.delete(fd)
    return fd
  }

  listener(options: NativeSocketOptions, backlog = 64): { fd: number; at: SocketAddress } {
    const fd = this.socket(options)
    native.bind(fd, LOOPBACK[options.family], 0)
    native.listen(fd, backlog)
    return { fd, at: native.localAddress(fd) }
  }

  async connect(options: NativeSocketOptions, to: SocketAddress): Promise<number> {
    const fd = this.socket(options)
    const error = await new Promise<Error | undefined>((resolve) =>
      native.dial(fd, to.address, to.port, resolve),
    )
    if (error !== undefined) throw error
    return fd
  }

  async accept(listener: number, max = 64): Promise<AcceptedSocket[]> {
    await ready(listener, 'readable')
    const accepted = native.accept(listener, max)
    for (const { fd } of accepted) this.adopt(fd)
    return accepted
  }

  /** A connected pair; the server's side may be asked to speak another protocol. */
  async pair(
    options: NativeSocketOptions,
    serverProtocol: Protocol = options.protocol,
  ): Promise<{ client: number; server: number; remote: SocketAddress }> {
    const { fd, at } = this.listener({ family: options.family, protocol: serverProtocol })
    const client = await this.connect(options, at)
    const [accepted] = await this.accept(fd)
    if (accepted === undefined) throw new Error('nothing was accepted')
    const { fd: server, ...remote } = accepted
    return { client, server, remote }
  }
}
