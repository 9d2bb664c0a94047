/** What `/status` answers: the kernel, each listener, and each session with its subflows as they are now. */
import type { KeepersStatus } from '../../provisioning/keep/keepers.js'
import type { Runtime } from '../../proxy/runtime.js'
import type { RunningService } from '../../proxy/service.js'
import type { Session } from '../../proxy/session.js'
import { formatAddress } from '../address.js'
import { describeError } from '../errors.js'
import type { Connection } from '../net/connection.js'
import { version } from './version.js'

/** Sessions described in one answer; asking the kernel for each one's subflows takes time. */
const MOST_SESSIONS = 500

export function hostStatus(runtime: Runtime, services: readonly RunningService[], keepers: KeepersStatus) {
  const { kernel, sessions } = runtime
  const whyNoMptcp = kernel.whyNoMptcp()
  return {
    version: version(),
    kernel: {
      flavour: kernel.flavour,
      mptcp: whyNoMptcp === undefined,
      ...(whyNoMptcp !== undefined && { reason: whyNoMptcp }),
    },
    services: services.map(({ name, type, listeners, egress, upstream, limits, warnings }) => ({
      name,
      type,
      egress,
      ...(upstream !== undefined && { upstream: upstream() }),
      limits: limits(),
      warnings,
      listeners: listeners.map(({ address, opened }) => ({ address: formatAddress(address), ...opened })),
    })),
    ...keepers,
    sessionCount: sessions.size,
    sessions: [...sessions].slice(0, MOST_SESSIONS).map((session) => sessionStatus(runtime, session)),
  }
}

function sessionStatus(runtime: Runtime, session: Session) {
  const { id, service, state, user, destination, client, remote } = session
  return {
    id,
    service,
    state,
    ...(user !== undefined && { user }),
    ...(destination !== undefined && { destination: formatAddress(destination) }),
    startedAt: session.startedAt.toISOString(),
    ...session.relay?.bytes(),
    client: sideStatus(runtime, client),
    ...(remote !== undefined && { remote: sideStatus(runtime, remote) }),
  }
}

function sideStatus({ kernel }: Runtime, connection: Connection) {
  const address = formatAddress(connection.remote)
  try {
    return { address, ...kernel.connectionInfo(connection.fd, connection.origin) }
  } catch (error) {
    // the peer has reset it, and the session does not know yet: not a reason to hide all others
    return { address, error: describeError(error) }
  }
}
