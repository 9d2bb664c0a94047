/** The data plane as services see it: two connections in, byte counts and the cause of the end out. */
import { availableParallelism } from 'node:os'
import {
  native,
  type NativeRelayOptions,
  type NativeRelayPart,
  type RawInfo,
  type RelayCause,
  type RelayEngine,
} from '../native.js'
import type { Kernel } from '../kernel/kernel.js'
import type { Connection } from './connection.js'
import { sourceBlock } from './source-block.js'
import type { HeldRelay } from './held-memory.js'

export interface RelayResult {
  /** Bytes delivered from client to destination, and back. */
  up: number
  down: number
  cause: RelayCause
  /** With `reset`: who broke off, and the errno name. With `stalled`: who takes nothing. */
  side?: 'client' | 'remote'
  errno?: string
  /** What the kernel said of MPTCP sides just before they ended; undefined for the others. */
  last: { client: RawInfo | undefined; remote: RawInfo | undefined }
}

/** How an exchange ended, beyond what every relay's end says. */
export interface ExchangeResult extends RelayResult {
  /** Both messages went to their ends, and both streams go on. */
  whole: boolean
  /** With `keep`: what the client sent beyond its message. */
  carried: Buffer
}

export interface ActiveRelay<Result extends RelayResult = RelayResult> {
  /** Resolves when both directions have ended; never rejects. The connections are the caller's again and still open. */
  readonly ended: Promise<Result>
  /** Bytes so far, client to destination and back. */
  bytes(): { up: number; down: number }
  abort(): void
}

/** A message on its way up, whose answer the caller reads from the destination and then hands over here. */
export interface ActiveExchange extends ActiveRelay<ExchangeResult> {
  /** See {@link NativeRelay.answer}. Once, and with nobody reading from the destination any more. */
  answer(part: RelayPart, how: 'final' | 'switch' | 'last'): void
}

export type RelayPart = NativeRelayPart

export interface ExchangeOptions extends RelayPart, Omit<RelayOptions, 'head'> {
  /** Whether what the client sends beyond its message is wanted. */
  keep: boolean
}

export interface RelayOptions {
  /** Milliseconds without a byte in either direction; 0 is never. */
  idleTimeout: number
  /** The same, once one side has ended its stream. */
  halfClosedTimeout?: number
  /** Milliseconds without a side taking anything of what it is owed, once the other has ended or while memory is short; 0 is never. */
  stallTimeout?: number
  /** Bytes that came from the client with the handshake and belong to the destination. */
  head?: Uint8Array
}

/** Of a relay that splices: a pipe in each direction, while bytes are in it. */
export const PIPE_DESCRIPTORS = 4

const NOTHING = Buffer.alloc(0)

export class Relay {
  readonly #engine: RelayEngine
  readonly #kernel: Kernel
  readonly #mostSplices: number
  #splices = 0
  /** In progress. */
  readonly #running = new Set<HeldRelay>()

  /**
   * @param threads data plane threads; more than the machine's cores gain nothing
   * @param mostSplices relays at a time that may hold {@link PIPE_DESCRIPTORS} besides their sockets; the others copy
   */
  constructor(kernel: Kernel, threads = Math.min(4, availableParallelism()), mostSplices = Infinity) {
    this.#kernel = kernel
    this.#mostSplices = mostSplices
    this.#engine = new native.RelayEngine(threads)
  }

  /** Those in progress, with what they hold of the kernel's memory. */
  get running(): ReadonlySet<HeldRelay> {
    return this.#running
  }

  get active(): number {
    return this.#engine.active
  }

  /** @throws {SystemError} ESHUTDOWN after {@link stop}; the connections are the caller's still */
  start(client: Connection, remote: Connection, options: RelayOptions): ActiveRelay {
    return this.#start(client, remote, options)
  }

  /**
   * One message up and its answer. Both connections may still be used by the caller until the
   * answer is handed over: to read from the destination and to write to the client.
   * @throws {SystemError} ESHUTDOWN as above; EBADMSG when the beginning of the message cannot be right
   */
  exchange(client: Connection, remote: Connection, options: ExchangeOptions): ActiveExchange {
    return this.#start(client, remote, { ...options, exchange: true })
  }

  #start(client: Connection, remote: Connection, options: Omit<NativeRelayOptions, 'mode'>): ActiveExchange {
    const a = client.detach()
    const b = remote.detach()
    const multipath = [this.#kernel.isMultipath(a), this.#kernel.isMultipath(b)] as const
    const { witness } = this.#kernel
    const splices = !multipath.includes(true) && this.#splices < this.#mostSplices
    const settings = {
      ...options,
      mode: splices ? 'splice' : 'copy',
      ...(witness !== undefined && multipath[0] && { witnessA: witness }),
      ...(witness !== undefined && multipath[1] && { witnessB: witness }),
    } as const
    const { promise: ended, resolve } = withResolvers<ExchangeResult>()
    const handle = this.#engine.relay(
      a,
      b,
      settings,
      (cause, up, down, side, errno, infoA, infoB, carried, whole) => {
        if (splices) this.#splices--
        this.#running.delete(held)
        resolve({
          whole,
          carried: carried ?? NOTHING,
          up,
          down,
          cause,
          ...(side !== undefined && { side: side === 'a' ? 'client' : 'remote' }),
          ...(errno !== undefined && { errno }),
          last: { client: infoA, remote: infoB },
        })
      },
    )
    if (splices) this.#splices++
    const held: HeldRelay = {
      source: sourceBlock(client.remote.address),
      held: () => handle.held(),
      hurry: (hurried) => handle.hurry(hurried),
    }
    this.#running.add(held)
    return {
      ended,
      bytes() {
        const [up, down] = handle.bytes()
        return { up, down }
      },
      answer(part, how) {
        remote.detach()
        client.detach()
        handle.answer(part, how)
      },
      abort: () => handle.abort(),
    }
  }

  /** Whether the kernel's memory for TCP is short: whoever stalls then has {@link RelayOptions.stallTimeout} left. */
  memoryShort(isShort: boolean): void {
    this.#engine.memoryShort(isShort)
  }

  /** Aborts all relays and waits for the threads; outstanding results are delivered. */
  stop(): void {
    this.#engine.stop()
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}
