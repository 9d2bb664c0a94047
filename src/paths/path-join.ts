/**
 * Whether a second subflow over an uplink can join a connection that began on another one
 * (MP_JOIN): what bonding needs. The in-kernel path manager opens it by itself where the
 * uplink's address is an endpoint; the host's endpoints are not touched here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { plainAddress, type SocketAddress } from '../address.js'
import { describeError } from '../errors.js'
import type { Kernel, SocketWish, Subflow } from '../kernel/kernel.js'
import type { Connection } from '../net/connection.js'
import { connect } from '../net/dial.js'
import { ask } from './path-attempt.js'
import { MAX_ROUNDS } from './path-test-protocol.js'

export interface JoinResult {
  join: 'yes' | 'no' | 'not tested'
  /** Of what is not `yes`. */
  reason?: string
  /** Of the subflow that joined, milliseconds. */
  rtt?: number
}

export interface JoinOptions {
  kernel: Kernel
  to: SocketAddress
  /** The uplink's address. */
  address: string
  /** Binds to another uplink, over which MPTCP passes. */
  carrier: Omit<SocketWish, 'transport'>
  signal: AbortSignal
}

/** Two lost SYNs. Milliseconds. */
const JOIN_LIMIT = 3000
const LOOK_EVERY = 20

/** @throws {Error} only the signal's reason */
export async function testJoin(options: JoinOptions): Promise<JoinResult> {
  const { kernel, to, address, carrier, signal } = options
  const obstacle = whyNot(kernel, address)
  if (obstacle !== undefined) return { join: 'not tested', reason: obstacle }
  let connection: Connection | undefined
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(JOIN_LIMIT)])
    connection = await connect(kernel, to, { ...carrier, transport: 'mptcp' }, limit)
    // joins wait until data has been acknowledged
    await ask(connection, 1, signal)
    const joined = await waitForSubflow(options, connection)
    if (joined === undefined) return noSubflow(kernel, connection, to.address)
    if (await farEndHasIt(connection, joined.rtt, signal)) return { join: 'yes', rtt: joined.rtt }
    return { join: 'no', reason: 'a subflow was opened here, and the far end has only the first one' }
  } catch (error) {
    signal.throwIfAborted()
    return { join: 'not tested', reason: `the connection over the other uplink: ${describeError(error)}` }
  } finally {
    connection?.close()
  }
}

/**
 * The far end has the subflow when the last segment of its handshake has arrived, over the slower
 * uplink perhaps, and the question travels over the faster one: asked again while there are rounds.
 */
async function farEndHasIt(connection: Connection, rtt: number, signal: AbortSignal): Promise<boolean> {
  for (let round = 2, wait = Math.max(rtt, LOOK_EVERY); round <= MAX_ROUNDS; round++, wait *= 4) {
    await sleep(wait, undefined, { signal })
    const { subflows } = await ask(connection, round, signal)
    if (subflows >= 2) return true
  }
  return false
}

/** What keeps this kernel from opening a subflow from the address by itself. */
function whyNot(kernel: Kernel, address: string): string | undefined {
  let endpoints, limits
  try {
    endpoints = kernel.endpoints()
    limits = kernel.limits()
  } catch (error) {
    return `the endpoints may not be seen: ${describeError(error)}`
  }
  const opens = endpoints.some(
    (each) =>
      plainAddress(each.address) === address &&
      (each.flags.includes('subflow') || each.flags.includes('fullmesh')),
  )
  if (!opens) return 'its address is no subflow endpoint on this host'
  return limits?.subflows === 0 ? 'the limit of further subflows is 0 on this host' : undefined
}

async function waitForSubflow(
  { kernel, address, signal }: JoinOptions,
  connection: Connection,
): Promise<Subflow | undefined> {
  for (const end = performance.now() + JOIN_LIMIT; performance.now() < end;) {
    const found = subflowsOf(kernel, connection).find(
      ({ local, state }) => plainAddress(local.address) === address && state === 'established',
    )
    if (found !== undefined) return found
    await sleep(LOOK_EVERY, undefined, { signal })
  }
  return undefined
}

function noSubflow(kernel: Kernel, connection: Connection, to: string): JoinResult {
  const others = subflowsOf(kernel, connection).length - 1
  const most = kernel.limits()?.subflows ?? 0
  if (others >= most) {
    return { join: 'not tested', reason: `other uplinks took the ${most} further subflows of the limit` }
  }
  return { join: 'no', reason: `no subflow to ${to} came up within ${JOIN_LIMIT} ms` }
}

function subflowsOf(kernel: Kernel, connection: Connection): Subflow[] {
  return kernel.connectionInfo(connection.fd, connection.origin).subflows
}
