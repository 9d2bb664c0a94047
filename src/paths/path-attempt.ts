/** One repetition of a path test from one uplink: TCP, MPTCP beside it, and what the far end says of both. */
import type { SocketAddress } from '../address.js'
import { describeError, errnoName, MptkError } from '../errors.js'
import type { Kernel, SocketWish } from '../kernel/kernel.js'
import type { Connection } from '../net/connection.js'
import { connect } from '../net/dial.js'
import { readFrame } from './path-test-frames.js'
import { decodeAnswer, encodeQuestion, FarEndBusy, FRAME_LENGTH, type Answer } from './path-test-protocol.js'
import type { MptcpSight, Reached, Sight, TcpSight } from './path-verdict.js'

/** For a TCP connect: two lost SYNs. Milliseconds. */
const TCP_LIMIT = 5000
/** For an answer, on a path that may lose some packets. Milliseconds. */
const ANSWER_LIMIT = 5000
/** Questions on the MPTCP connection: the first data still carries MP_CAPABLE, the next ones only DSS. */
const ROUNDS = 3

export interface AttemptOptions {
  kernel: Kernel
  to: SocketAddress
  /** Binds to the uplink. */
  wish: Omit<SocketWish, 'transport'>
  /** For a connect that asks for MPTCP, milliseconds. */
  mptcpLimit: number
  signal: AbortSignal
}

/** @throws {Error} only the signal's reason */
export async function attempt(options: AttemptOptions): Promise<Sight> {
  const tcp: TcpSight = { connect: 'timeout', stayed: false }
  const mptcp: MptcpSight = { connect: 'timeout', answers: [] }
  const control = await reach(options, 'tcp', TCP_LIMIT, tcp)
  try {
    // the first question is also from where the far end counts
    if (control !== undefined) await askControl(control, 1, tcp, options.signal)
    const connection = await reach(options, 'mptcp', options.mptcpLimit, mptcp)
    if (connection !== undefined) {
      await askOverMptcp(connection, tcp.answer !== undefined, mptcp, options)
    }
    if (control !== undefined && tcp.answer !== undefined) await askControl(control, 2, tcp, options.signal)
  } finally {
    control?.close()
  }
  options.signal.throwIfAborted()
  return { tcp, mptcp }
}

/** Connects and writes down how that went; undefined when it failed. */
async function reach(
  { kernel, to, wish, signal }: AttemptOptions,
  transport: 'tcp' | 'mptcp',
  limit: number,
  sight: Reached,
): Promise<Connection | undefined> {
  const timer = AbortSignal.timeout(limit)
  try {
    const both = AbortSignal.any([signal, timer])
    const connection = await connect(kernel, to, { ...wish, transport }, both)
    sight.connect = 'connected'
    const [first] = kernel.connectionInfo(connection.fd, connection.origin).subflows
    if (first !== undefined) sight.rtt = first.rtt
    return connection
  } catch (error) {
    signal.throwIfAborted()
    const silent = timer.aborted || errnoName(error) === 'ETIMEDOUT'
    sight.connect = silent ? 'timeout' : 'refused'
    sight.error = silent ? `no answer within ${limit} ms` : describeError(error)
    return undefined
  }
}

async function askControl(
  control: Connection,
  round: number,
  sight: TcpSight,
  signal: AbortSignal,
): Promise<void> {
  try {
    const answer = await ask(control, round, signal)
    if (round === 1) {
      sight.answer = answer
      return
    }
    sight.stayed = true
    if (answer.counters !== undefined) sight.counters = answer.counters
  } catch (error) {
    signal.throwIfAborted()
    sight.error = describeError(error)
  }
}

/** @param speaks the far end answers questions at all */
async function askOverMptcp(
  connection: Connection,
  speaks: boolean,
  sight: MptcpSight,
  { kernel, signal }: AttemptOptions,
): Promise<void> {
  const protocol = () => kernel.verdict(connection.fd, connection.origin).protocol
  try {
    sight.atConnect = protocol()
    for (let round = 1; speaks && round <= ROUNDS; round++) {
      sight.answers.push(await ask(connection, round, signal))
    }
    sight.afterData = protocol()
    if (sight.afterData === 'mptcp') sight.own = ownSubflow(kernel, connection)
  } catch (error) {
    signal.throwIfAborted()
    sight.brokeOff = describeError(error)
    if (error instanceof FarEndBusy) sight.busy = true
  } finally {
    connection.close()
  }
}

/** What became of the subflow that the connection began with. */
function ownSubflow(kernel: Kernel, connection: Connection): 'used' | 'idle' | 'lost' {
  const { address, port } = connection.local
  const { subflows } = kernel.connectionInfo(connection.fd, connection.origin)
  const own = subflows.find(({ local }) => local.address === address && local.port === port)
  if (own?.state !== 'established') return 'lost'
  return (own.bytesReceived ?? FRAME_LENGTH) >= FRAME_LENGTH ? 'used' : 'idle'
}

/** @throws {MptkError} MPTK_PATH_TEST, MPTK_TIMEOUT @throws {SystemError} */
export async function ask(connection: Connection, round: number, signal: AbortSignal): Promise<Answer> {
  const late = new MptkError('MPTK_TIMEOUT', `no answer within ${ANSWER_LIMIT} ms`)
  const timer = setTimeout(() => connection.fail(late), ANSWER_LIMIT)
  const onAbort = (): void => connection.fail(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await connection.write(encodeQuestion(round))
    const frame = await readFrame(connection)
    if (frame === undefined) {
      throw new MptkError('MPTK_PATH_TEST', 'the far end closed the connection instead of answering')
    }
    return decodeAnswer(frame, round)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
