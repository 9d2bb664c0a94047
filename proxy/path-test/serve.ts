/** The far end of a path test: tells a client what its connection is here. It has no destination, so no pipeline. */
import { plainAddress } from '../../src/address.js'
import { describeError, MptkError } from '../../src/errors.js'
import { mptcpCounters } from '../../src/kernel/counters.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { SESSION_ENDED } from '../../src/log-text.js'
import type { Connection } from '../../src/net/connection.js'
import { readFrame } from '../../src/paths/path-test-frames.js'
import {
  decodeQuestion,
  encodeAnswer,
  encodeBusy,
  encodeVersion,
  MAX_ROUNDS,
  PROTOCOL_VERSION,
  type Answer,
  type FarCounters,
} from '../../src/paths/path-test-protocol.js'
import { REFUSAL_PATIENCE, type Admission } from '../admission.js'
import { closeGently } from '../close-gently.js'
import { LimitReached } from '../limits.js'
import type { Runtime } from '../runtime.js'
import { Session, verdictOf, type Outcome } from '../session.js'

/** Never rejects. @param most how long one connection may take, milliseconds */
export async function servePathTest(
  { kernel, log, metrics, sessions }: Runtime,
  service: string,
  most: number,
  client: Connection,
  admission: Admission,
): Promise<void> {
  const session = new Session(service, client)
  session.state = admission.refused ? 'refusing' : 'answering'
  sessions.add(session)
  const limit = admission.refused ? Math.min(REFUSAL_PATIENCE, most) : most
  const late = new MptkError('MPTK_TIMEOUT', `the test did not end within ${limit} ms`)
  const timer = setTimeout(() => client.fail(late), limit)
  let outcome: Outcome = 'eof'
  let error: string | undefined
  try {
    session.clientVerdict = verdictOf(kernel, client)
    await answer(kernel, client, admission)
    session.clientVerdict = verdictOf(kernel, client)
  } catch (cause) {
    outcome = admission.refused || cause instanceof LimitReached ? 'limit' : 'handshake'
    error = describeError(cause)
  } finally {
    clearTimeout(timer)
    client.close()
    sessions.delete(session)
  }
  // those the door counts
  if (outcome === 'limit') return
  metrics.sessions.inc({ service, outcome })
  // nothing was relayed
  log.info(
    session.record(outcome, { up: 0, down: 0 }, { ...(error !== undefined && { error }) }),
    SESSION_ENDED,
  )
}

/** Round by round until the client ends. @throws {SystemError} @throws {MptkError} */
async function answer(kernel: Kernel, client: Connection, admission: Admission): Promise<void> {
  const accepted = kernel.isMultipath(client.fd) ? 'mptcp' : 'tcp'
  let before: FarCounters | undefined
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const frame = await readFrame(client)
    if (frame === undefined) return
    const question = decodeQuestion(frame)
    const refused = round === 1 ? admission.establish(undefined) : undefined
    if (refused !== undefined) {
      await closeGently(client, encodeBusy())
      throw refused
    }
    if (question === 'other version') {
      await closeGently(client, encodeVersion())
      return
    }
    const now = readCounters()
    before ??= now
    await client.write(
      encodeAnswer({
        ...seenHere(kernel, client),
        round: question.round,
        accepted,
        ...(before !== undefined && now !== undefined && { counters: since(before, now) }),
      }),
    )
  }
  // waits for the client to end: closing first would make its next question a reset
  if ((await readFrame(client)) !== undefined) {
    throw new MptkError('MPTK_PATH_TEST', `more than ${MAX_ROUNDS} questions`)
  }
}

function seenHere(kernel: Kernel, client: Connection): Omit<Answer, 'round' | 'accepted'> {
  const { protocol, reason } = client.origin
  const { protocol: now } = kernel.verdict(client.fd, client.origin)
  return {
    pathTest: PROTOCOL_VERSION,
    listener: { protocol, ...(reason !== undefined && { reason }) },
    seen: { address: plainAddress(client.remote.address), port: client.remote.port },
    now,
    subflows: now === 'mptcp' ? kernel.connectionInfo(client.fd, client.origin).subflows.length : 1,
  }
}

/** Undefined where the kernel does not count: out-of-tree ones do it elsewhere. */
function readCounters(): FarCounters | undefined {
  const all = mptcpCounters()
  const sum = (...names: string[]): number => names.reduce((total, name) => total + (all.get(name) ?? 0), 0)
  if (!all.has('MPCapableFallbackACK')) return undefined
  return {
    syn: sum('MPCapableSYNRX'),
    lostAtAck: sum('MPCapableFallbackACK'),
    lostLater: sum('MPCapableDataFallback', 'DssFallback', 'DSSCorruptionFallback', 'InfiniteMapRx'),
  }
}

/** A counter that wrapped or was reset counts from nought. */
function since(before: FarCounters, now: FarCounters): FarCounters {
  const difference = (key: keyof FarCounters): number => Math.max(0, now[key] - before[key])
  return { syn: difference('syn'), lostAtAck: difference('lostAtAck'), lostLater: difference('lostLater') }
}
