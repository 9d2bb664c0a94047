/**
 * Opens the further subflows of `pathManager: ndiffports` on upstream kernels, which leave them to
 * a program: of every MPTCP connection that is opened in this network namespace, also by others.
 * Stopping leaves all subflows as they are.
 */
import { BurstLog } from '../../src/burst-log.js'
import type { HostConfig } from '../../src/config/host.js'
import { describeError, errnoName } from '../../src/errors.js'
import { PathManagerListener } from '../../src/kernel/path-manager-events.js'
import { readSysctl } from '../../src/kernel/sysctl.js'
import { createSubflow } from '../../src/kernel/userspace-path-manager.js'
import type { Logger } from '../../src/log.js'
import type { Metrics } from '../../src/metrics.js'
import { Ndiffports, type SubflowStep } from './ndiffports.js'

/** The initial subflow's is 0; the kernel wants one id for one address. */
const LOCAL_ID = 1
const DEFAULT_SUBFLOWS = 2
/** The connection is gone, ends, or is the in-kernel path manager's: trying again changes nothing. */
const FINAL: readonly string[] = ['ESRCH', 'ENOTCONN', 'EINVAL']

export interface SubflowKeeperOptions {
  mptcp: HostConfig['mptcp']
  log: Logger
  metrics: Metrics
}

export interface SubflowKeeperStatus {
  /** The most each of them shall have. */
  subflowsPerConnection: number
  connections: number
}

export class SubflowKeeper {
  readonly #log: Logger
  readonly #metrics: Metrics
  readonly #plan: Ndiffports
  readonly #listener: PathManagerListener
  readonly #timers = new Map<number, NodeJS.Timeout>()
  readonly #givenUp: BurstLog<SubflowStep & { do: 'give up' }>
  #lost = false

  /** @throws {SystemError} EPERM without CAP_NET_ADMIN @throws {MptkError} MPTK_KERNEL_UNSUPPORTED */
  constructor({ mptcp, log, metrics }: SubflowKeeperOptions) {
    this.#log = log
    this.#metrics = metrics
    this.#givenUp = new BurstLog(({ token, remote }, more) => {
      const which = more === undefined ? 'a connection' : `${more} more connections`
      log.warn(
        { token, remote },
        `ndiffports: subflows of ${which} do not last: it is left with those it has`,
      )
    })
    const wanted = mptcp.subflowsPerConnection ?? DEFAULT_SUBFLOWS
    this.#plan = new Ndiffports(Math.min(wanted, 1 + mptcp.limits.subflows))
    this.#listener = new PathManagerListener({
      onEvent: (event) => this.#take(this.#plan.take(event, performance.now())),
      onLost: () => this.#onLost(),
      onError: (error) => log.error(`ndiffports: an event cannot be read: ${describeError(error)}`),
    })
    if (!isUserspace()) {
      log.warn(
        'ndiffports: the path manager of new connections is the kernel’s, which opens no subflows over the same path; mptk apply sets net.mptcp.path_manager=userspace',
      )
    }
  }

  stop(): void {
    this.#listener.close()
    this.#givenUp.close()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  status(): SubflowKeeperStatus {
    return { subflowsPerConnection: this.#plan.subflows, connections: this.#plan.size }
  }

  #take(step: SubflowStep | undefined): void {
    if (step !== undefined) this.#perform(step)
    this.#metrics.ndiffportsConnections.set(this.#plan.size)
  }

  #perform(step: SubflowStep): void {
    const { token } = step
    switch (step.do) {
      case 'open':
        this.#open(step)
        return
      case 'wait':
        this.#timers.set(
          token,
          setTimeout(() => {
            this.#timers.delete(token)
            this.#take(this.#plan.due(token))
          }, step.wait),
        )
        return
      case 'forget':
        this.#cancel(token)
        return
      case 'give up':
        this.#givenUp.add('', step)
    }
  }

  #open({ token, source, remote, count }: SubflowStep & { do: 'open' }): void {
    for (let left = count; left > 0; left--) {
      try {
        createSubflow({ token, local: { id: LOCAL_ID, address: source }, remote })
      } catch (error) {
        this.#log.debug({ token }, `ndiffports: ${describeError(error)}`)
        // the next one would fare the same
        if (FINAL.includes(errnoName(error) ?? '')) this.#plan.forget(token)
        else this.#take(this.#plan.refused(token, left, performance.now()))
        return
      }
    }
  }

  #cancel(token: number): void {
    clearTimeout(this.#timers.get(token))
    this.#timers.delete(token)
  }

  /** Which connections are still there is not known any more: new ones are managed, those keep what they have. */
  #onLost(): void {
    this.#plan.clear()
    for (const token of this.#timers.keys()) this.#cancel(token)
    this.#take(undefined)
    if (this.#lost) return
    this.#lost = true
    this.#log.warn('ndiffports: events were lost: connections of before get no further subflows')
  }
}

function isUserspace(): boolean {
  const name = readSysctl('net.mptcp.path_manager')
  return name === undefined ? readSysctl('net.mptcp.pm_type') === '1' : name === 'userspace'
}
