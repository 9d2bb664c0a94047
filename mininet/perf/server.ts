/** `mptk perf server`: accepts, finds out what each connection is for, and bounds what clients may cost. */
import { randomBytes } from 'node:crypto'
import type { SocketAddress } from '../../src/address.js'
import { describeError, MptkError } from '../../src/errors.js'
import type { Kernel, SocketWish } from '../../src/kernel/kernel.js'
import type { Connection } from '../../src/net/connection.js'
import { listen, type Listener } from '../../src/net/listen.js'
import { ControlChannel } from './control.js'
import { clientMessage, type ClientMessage, type ServerMessage, type TestPlan } from './messages.js'
import { decodePreamble, MAX_REQUEST, PREAMBLE_LENGTH, PROTOCOL_VERSION, TOKEN_LENGTH } from './protocol.js'
import { Session, SETUP, type SessionResult } from './session.js'

/** Connections at a time that have not said what they are for. */
const MAX_STRANGERS = 256

export interface PerfServerLimits {
  /** Tests at a time. */
  clients: number
  /** Streams of one test in each direction. */
  streams: number
  /** Seconds that one test may take. */
  time: number
}

export interface PerfServerOptions {
  kernel: Kernel
  at: SocketAddress
  wish: SocketWish
  limits: PerfServerLimits
  /** Ends with the first test. */
  once: boolean
  /** A test has come to its end. */
  onTest: (client: SocketAddress, plan: TestPlan, result: SessionResult) => void
  /** Whoever connected was refused, a test failed, or accepting pauses. */
  onTrouble: (client: SocketAddress | undefined, error: MptkError) => void
}

type Control = ControlChannel<ClientMessage, ServerMessage>

export class PerfServer {
  /** Settles when the server has ended and every connection is closed: true when no test failed. */
  readonly ended: Promise<boolean>
  readonly #options: PerfServerOptions
  readonly #listener: Listener
  readonly #sessions = new Map<string, Session>()
  readonly #strangers = new Set<Connection>()
  readonly #work = new Set<Promise<void>>()
  #failed = false
  #stopped: () => void = () => undefined

  /** @throws {MptkError} as {@link listen} */
  constructor(options: PerfServerOptions) {
    this.#options = options
    this.#listener = listen(options.kernel, options.at, options.wish, {
      onConnection: (connection) => this.#take(connection),
      onError: (error) => options.onTrouble(undefined, asOwn(error)),
    })
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve))
    this.ended = stopped.then(async () => {
      await Promise.all(this.#work)
      return !this.#failed
    })
  }

  get address(): SocketAddress {
    return this.#listener.address
  }

  get opened(): Listener['opened'] {
    return this.#listener.opened
  }

  /** Accepts no more and ends the tests that run; may be called again. */
  stop(): void {
    this.#listener.close()
    for (const session of this.#sessions.values()) {
      session.abort(new MptkError('MPTK_PERF', 'the server was stopped'))
    }
    for (const stranger of this.#strangers) stranger.reset()
    this.#stopped()
  }

  #take(connection: Connection): void {
    if (this.#strangers.size >= MAX_STRANGERS) {
      connection.reset()
      return
    }
    const work = this.#greet(connection).catch((error: unknown) => {
      connection.reset()
      this.#options.onTrouble(connection.remote, asOwn(error))
    })
    this.#work.add(work)
    void work.then(() => this.#work.delete(work))
  }

  async #greet(connection: Connection): Promise<void> {
    this.#strangers.add(connection)
    const late = new MptkError('MPTK_TIMEOUT', `nothing asked for within ${SETUP / 1000} s`)
    const timer = setTimeout(() => connection.fail(late), SETUP)
    let control: Control
    let plan: TestPlan
    try {
      const preamble = decodePreamble(await readExactly(connection, PREAMBLE_LENGTH))
      control = new ControlChannel(connection, { schema: clientMessage, limit: MAX_REQUEST })
      if (preamble.version !== PROTOCOL_VERSION) {
        const versions = `version ${PROTOCOL_VERSION} of the protocol and not ${preamble.version}`
        await this.#refuse(control, `this server speaks ${versions}`)
        return
      }
      if (preamble.kind !== 'control') {
        const session = this.#sessions.get(preamble.token)
        if (session?.attach(preamble, connection) !== true) connection.reset()
        return
      }
      const hello = await control.next()
      if (hello?.type !== 'hello')
        throw new MptkError('MPTK_PERF', 'it went away before it said what it wants')
      plan = hello.plan
    } finally {
      clearTimeout(timer)
      this.#strangers.delete(connection)
    }
    const refusal = this.#refusal(plan)
    if (refusal === undefined) await this.#serve(control, plan)
    else await this.#refuse(control, refusal)
  }

  /** Why a test is not run here. */
  #refusal(plan: TestPlan): string | undefined {
    const { limits, kernel, once } = this.#options
    const most = once ? 1 : limits.clients
    if (this.#sessions.size >= most) {
      return `busy: ${this.#sessions.size} of at most ${most} tests at a time are running`
    }
    if (plan.streams > limits.streams) return `at most ${limits.streams} streams, not ${plan.streams}`
    const seconds = plan.omit + (plan.duration ?? 0)
    if (seconds > limits.time) return `at most ${limits.time} s, not ${seconds}`
    try {
      if (plan.congestion !== undefined) kernel.check({ transport: 'tcp', congestion: plan.congestion })
    } catch (error) {
      return describeError(error)
    }
    return undefined
  }

  async #refuse(control: Control, message: string): Promise<void> {
    this.#options.onTrouble(control.connection.remote, new MptkError('MPTK_PERF', `refused: ${message}`))
    control.send({ type: 'error', message })
    await control.closeGently()
  }

  async #serve(control: Control, plan: TestPlan): Promise<void> {
    const { kernel, limits, once, onTest, onTrouble } = this.#options
    const { remote } = control.connection
    const token = randomBytes(TOKEN_LENGTH).toString('hex')
    const session = new Session({ kernel, token, plan, control, maxTime: limits.time })
    this.#sessions.set(token, session)
    try {
      onTest(remote, plan, await session.run())
    } catch (error) {
      this.#failed = true
      onTrouble(remote, asOwn(error))
    } finally {
      // a client that has its result may send the next one already
      this.#sessions.delete(token)
      await session.close()
    }
    if (once) this.stop()
  }
}

async function readExactly(connection: Connection, length: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  while (bytes.length < length) {
    const more = await connection.read(length - bytes.length)
    if (more === undefined) throw new MptkError('MPTK_PERF', 'it went away before it said what it is')
    bytes = Buffer.concat([bytes, more])
  }
  return bytes
}

function asOwn(cause: unknown): MptkError {
  return cause instanceof MptkError ? cause : new MptkError('MPTK_PERF', describeError(cause), { cause })
}
