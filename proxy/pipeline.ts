/**
 * accept → handshake → rules → dial → relay: the life of every connection, top to bottom.
 * Protocols differ in their handshake alone, ways out in their egress alone.
 */
import type { Destination } from '../src/address.js'
import { describeError, MptkError } from '../src/errors.js'
import { SESSION_ENDED } from '../src/log-text.js'
import type { SocketWish, Verdict } from '../src/kernel/kernel.js'
import type { RawInfo } from '../src/native.js'
import type { Connection } from '../src/net/connection.js'
import type { ActiveRelay, RelayResult } from '../src/net/relay.js'
import { REFUSAL_PATIENCE, type Admission } from './admission.js'
import { closeGently, endGently } from './close-gently.js'
import type { Egress, Reached } from './egress/egress.js'
import type { UpstreamWatch } from './egress/upstream-watch.js'
import { relayMessages, type ActiveExchanges, type ExchangesResult } from './exchanges.js'
import { LimitReached } from './limits.js'
import type { Message, Peers } from './message.js'
import type { Handshake, Request } from './request.js'
import type { Runtime } from './runtime.js'
import { infoOf, Session, sideRecord, verdictOf, type Outcome, type SessionRecord } from './session.js'
import { LogInRefused } from './users/log-in.js'

/** What makes one service. */
export interface Pipeline {
  name: string
  runtime: Runtime
  handshake: Handshake
  /** Whether the destination, and each of its addresses, may be reached. */
  rules: {
    admit(subject: { source: string; user?: string }, destination: Destination, resolved: boolean): void
    allows(subject: { source: string; user?: string }, destination: Destination, address: string): boolean
  }
  egress: Egress
  /** Milliseconds. */
  timeouts: { handshake: number; dial: number; idle: number; halfClosed: number; stalled: number }
}

/** What differs from one kind of service to the next. */
export interface Parts extends Pick<Pipeline, 'handshake' | 'rules' | 'egress'> {
  /** The next proxy, where the egress goes through one. */
  upstream?: UpstreamWatch
  /** What this kind's listening sockets must be, whatever the configuration says. */
  listenerWish?: Partial<SocketWish>
  /** The protocol has an answer for clients beyond a limit; the others get a reset. */
  refusesInWords: boolean
}

/**
 * Never rejects: whatever happens to one connection ends here, in its record.
 * @param admission asked once more when the handshake is complete
 */
export async function serve(pipeline: Pipeline, client: Connection, admission: Admission): Promise<void> {
  const { runtime } = pipeline
  const session = new Session(pipeline.name, client)
  runtime.sessions.add(session)
  let record: SessionRecord | undefined
  try {
    const head = await open(pipeline, session, admission)
    if ('outcome' in head) record = head
    else record = await relay(pipeline, session, head)
  } catch (error) {
    record = session.record('error', NO_BYTES, { error: describeError(error) })
  } finally {
    client.close()
    session.remote?.close()
    runtime.sessions.delete(session)
    if (record !== undefined) report(runtime, record, session.suspect)
  }
}

const NO_BYTES = { up: 0, down: 0 }

/** Payload that came with the handshakes. */
interface Head {
  /** Still owed to the destination. */
  up?: Buffer
  /** The first of its messages, where the client speaks in messages; `early` came from the destination before. */
  messages?: { first: Message; early: Buffer }
  /** Bytes the client has already been given. */
  down: number
}

/** Up to a connected destination of which the client knows; or the record of why there is none. */
async function open(
  pipeline: Pipeline,
  session: Session,
  admission: Admission,
): Promise<Head | SessionRecord> {
  let request: Request | undefined
  try {
    request = await handshake(pipeline, session, admission)
  } catch (error) {
    const limit = admission.refused || error instanceof LimitReached
    session.suspect = error instanceof LogInRefused
    return session.record(limit ? 'limit' : 'handshake', NO_BYTES, { error: describeError(error) })
  }
  if (request === undefined) return session.record(admission.refused ? 'limit' : 'answered', NO_BYTES)

  session.destination = request.destination
  session.user = request.user
  const limit = admission.establish(request.user)
  if (limit !== undefined) {
    session.state = 'refusing'
    await request.abort(limit)
    return session.record('limit', NO_BYTES, { error: limit.message })
  }
  session.state = 'dialling'
  let reached: Reached
  try {
    reached = await dial(pipeline, session, request)
  } catch (error) {
    // the record is made first: after the abort the client's socket has nothing left to tell
    const record = session.record(outcomeOf(error), NO_BYTES, { error: describeError(error) })
    await request.abort(error)
    return record
  }

  try {
    await proceed(pipeline, session, request, reached)
    if (request.message !== undefined) {
      return { messages: { first: request.message, early: reached.head ?? Buffer.alloc(0) }, down: 0 }
    }
  } catch (error) {
    return session.record('reset', NO_BYTES, { error: describeError(error) })
  }
  return { ...(request.head !== undefined && { up: request.head }), down: reached.head?.length ?? 0 }
}

/** Why there is no connection to the destination. */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof MptkError)) return 'unreachable'
  if (error.code === 'MPTK_LEFT') return 'left'
  return error.code === 'MPTK_DENIED' ? 'denied' : 'unreachable'
}

/** Tells the client; one that takes nothing of it has no more time than its request had. */
async function proceed(
  { timeouts }: Pipeline,
  { client }: Session,
  request: Request,
  { bound, head }: Reached,
): Promise<void> {
  const timer = setTimeout(() => {
    client.fail(new MptkError('MPTK_TIMEOUT', `the client took no reply within ${timeouts.handshake} ms`))
  }, timeouts.handshake)
  try {
    await request.proceed(bound)
    // of a message's answer it is the beginning, which is not for the client as it came
    if (head !== undefined && request.message === undefined) await client.write(head)
  } finally {
    clearTimeout(timer)
  }
}

async function handshake(
  pipeline: Pipeline,
  session: Session,
  { refused }: Admission,
): Promise<Request | undefined> {
  const { client } = session
  if (refused) session.state = 'refusing'
  const patience = refused
    ? Math.min(REFUSAL_PATIENCE, pipeline.timeouts.handshake)
    : pipeline.timeouts.handshake
  const timer = setTimeout(() => {
    client.fail(new MptkError('MPTK_TIMEOUT', `no complete handshake within ${patience} ms`))
  }, patience)
  try {
    const request = await pipeline.handshake(client)
    if (request === undefined) return undefined
    session.clientVerdict = verdictOf(pipeline.runtime.kernel, client)
    count(pipeline, 'client', session.clientVerdict)
    return request
  } finally {
    clearTimeout(timer)
  }
}

/** Withdrawn when the client leaves meanwhile. */
async function dial(
  pipeline: Pipeline,
  session: Session,
  { destination, leaving = 'break' }: Request,
): Promise<Reached> {
  const { rules, egress, runtime } = pipeline
  const subject = {
    source: session.source.address,
    ...(session.user !== undefined && { user: session.user }),
  }
  const done = runtime.metrics.dial.startTimer({ service: pipeline.name })
  const reached = await session.client.attend(leaving, (signal) =>
    egress.dial(destination, {
      subject,
      signal,
      timeout: pipeline.timeouts.dial,
      admit: (resolved) => rules.admit(subject, destination, resolved),
      allow: (address) => rules.allows(subject, destination, address),
    }),
  )
  done()
  session.remote = reached.connection
  session.remoteVerdict = verdictOf(runtime.kernel, session.remote)
  count(pipeline, 'remote', session.remoteVerdict)
  return reached
}

async function relay(pipeline: Pipeline, session: Session, head: Head): Promise<SessionRecord> {
  const { client, remote, clientVerdict, remoteVerdict } = session
  if (remote === undefined || clientVerdict === undefined || remoteVerdict === undefined) {
    throw new Error('relay before dial')
  }
  const { kernel } = pipeline.runtime
  const relayed = startRelay(pipeline, { client, remote }, head)
  session.relay = relayed
  session.state = 'relaying'
  const result: RelayResult & Partial<ExchangesResult> = await relayed.ended
  const side = (connection: Connection, verdict: Verdict, last: RawInfo | undefined) =>
    sideRecord(
      connection.remote,
      verdict,
      verdict.protocol === 'mptcp' ? infoOf(kernel, connection, last) : undefined,
    )
  const record = session.record(
    result.cause,
    { up: result.up, down: result.down + head.down },
    {
      client: side(client, clientVerdict, result.last.client),
      remote: side(remote, remoteVerdict, result.last.remote),
      ...endError(result),
    },
  )
  // the record first: closing leaves nothing to tell
  if (result.gently === true) await part(session, remote, result.farewell)
  return record
}

function startRelay(
  { runtime, timeouts }: Pipeline,
  peers: Peers,
  { up, messages }: Head,
): ActiveRelay | ActiveExchanges {
  if (messages !== undefined) {
    return relayMessages(runtime.relay, peers, messages.first, messages.early, timeouts)
  }
  const { client, remote } = peers
  return runtime.relay.start(client, remote, {
    idleTimeout: timeouts.idle,
    halfClosedTimeout: timeouts.halfClosed,
    stallTimeout: timeouts.stalled,
    ...(up !== undefined && { head: up }),
  })
}

/** The destination is done with; the client gets everything to its last byte. */
function part(session: Session, remote: Connection, farewell: Buffer | undefined): Promise<void> {
  remote.close()
  session.relay = undefined
  return farewell === undefined ? endGently(session.client) : closeGently(session.client, farewell)
}

/** What the log says of a relay that did not end by both sides' ends. */
function endError({ cause, side, errno, problem }: RelayResult & Partial<ExchangesResult>): {
  error?: string
} {
  if (problem !== undefined) return { error: problem }
  const who = side ?? 'a side'
  if (errno !== undefined) return { error: `${who} broke off: ${errno}` }
  if (cause === 'stalled') return { error: `${who} took nothing of what it was owed (timeouts.stalled)` }
  if (cause === 'half-closed') return { error: 'silent after one side had ended (timeouts.halfClosed)' }
  return cause === 'timeout' ? { error: 'silent (timeouts.idle)' } : {}
}

function count({ name, runtime }: Pipeline, side: 'client' | 'remote', verdict: Verdict): void {
  runtime.metrics.transports.inc({
    service: name,
    side,
    protocol: verdict.protocol,
    reason: verdict.reason ?? '',
  })
}

function report({ log, metrics }: Runtime, record: SessionRecord, suspect: boolean): void {
  const { service, outcome } = record
  // the door counts those, and writes how many: anybody can cause as many as he likes
  if (outcome === 'limit') return
  metrics.sessions.inc({ service, outcome })
  metrics.bytes.inc({ service, direction: 'up' }, record.up)
  metrics.bytes.inc({ service, direction: 'down' }, record.down)
  // `error` is a fault of this program or of its kernel
  log[outcome === 'error' || suspect ? 'warn' : 'info'](record, SESSION_ENDED)
}
