/** The Prometheus metrics of a running host (`/metrics`). */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  /** Ended sessions. `outcome`: a relay's cause, or `handshake`, `answered`, `left`, `denied`, `unreachable`, `limit`, `error`. */
  readonly sessions: Counter<'service' | 'outcome'>
  /** Connections refused. `limit`: the key of `limits`, or `handshake` for one that had not said what it wants when others needed its place. */
  readonly refused: Counter<'service' | 'limit'>
  /** Bytes of ended relays; `direction`: `up` is client to destination. */
  readonly bytes: Counter<'service' | 'direction'>
  /** What connections negotiated. `side`: client or remote; `reason` is empty for mptcp. */
  readonly transports: Counter<'service' | 'side' | 'protocol' | 'reason'>
  /** Seconds from the handshake's end to a connected destination. */
  readonly dial: Histogram<'service'>
  /** Whether the next proxy could be reached at the last attempt: 1 or 0; nothing before the first. */
  readonly upstreamUp: Gauge<'service'>
  /** What the next proxy would not do for us although it was reached. `reason`: `limit`, `password`, `closed`, `protocol`. */
  readonly upstreamRefusals: Counter<'service' | 'reason'>
  /** 1 when the uplink carries subflows. */
  readonly uplinkUp: Gauge<'uplink'>
  /** Of state, addresses or gateways. */
  readonly uplinkChanges: Counter<'uplink'>
  /** Settings of the set-up that somebody else had changed, set again. */
  readonly mended: Counter<'kind'>
  /** With `--kept-by`: 1 while the keeper tells, 0 when it is silent. */
  readonly keeperUp: Gauge
  /** Subflows that were lost by an error and opened again. */
  readonly subflowsReopened: Counter<'uplink'>
  /** Connections whose further subflows are opened here. */
  readonly ndiffportsConnections: Gauge
}

/**
 * Both are asked at every scrape.
 * @param active reports each service's sessions in progress
 * @param logDropped log lines dropped since the start
 */
export function createMetrics(
  active: () => Iterable<[service: string, state: string, count: number]>,
  logDropped: () => number,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'mptk_sessions_active',
    help: 'Sessions in progress',
    labelNames: ['service', 'state'],
    registers,
    collect() {
      this.reset()
      for (const [service, state, count] of active()) this.set({ service, state }, count)
    },
  })
  new Counter({
    name: 'mptk_log_dropped_total',
    help: 'Log lines dropped because nothing took them: a stopped reader, a full disk',
    registers,
    collect() {
      this.reset()
      this.inc(logDropped())
    },
  })
  return {
    registry,
    sessions: new Counter({
      name: 'mptk_sessions_total',
      help: 'Ended sessions by outcome',
      labelNames: ['service', 'outcome'],
      registers,
    }),
    refused: new Counter({
      name: 'mptk_refused_total',
      help: 'Connections refused by the limit they were beyond',
      labelNames: ['service', 'limit'],
      registers,
    }),
    bytes: new Counter({
      name: 'mptk_relayed_bytes_total',
      help: 'Bytes relayed by ended sessions; up is client to destination',
      labelNames: ['service', 'direction'],
      registers,
    }),
    transports: new Counter({
      name: 'mptk_transports_total',
      help: 'Connections by what they negotiated, and why not MPTCP',
      labelNames: ['service', 'side', 'protocol', 'reason'],
      registers,
    }),
    dial: new Histogram({
      name: 'mptk_dial_seconds',
      help: 'Time from the handshake to a connected destination',
      labelNames: ['service'],
      buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
      registers,
    }),
    upstreamUp: new Gauge({
      name: 'mptk_upstream_up',
      help: 'Whether the upstream proxy could be reached at the last attempt',
      labelNames: ['service'],
      registers,
    }),
    upstreamRefusals: new Counter({
      name: 'mptk_upstream_refusals_total',
      help: 'Connections that the upstream proxy was reached for and refused, by why',
      labelNames: ['service', 'reason'],
      registers,
    }),
    uplinkUp: new Gauge({
      name: 'mptk_uplink_up',
      help: 'Whether the uplink can carry subflows: 1 or 0',
      labelNames: ['uplink'],
      registers,
    }),
    uplinkChanges: new Counter({
      name: 'mptk_uplink_changes_total',
      help: 'Changes of the state, addresses or gateways of an uplink',
      labelNames: ['uplink'],
      registers,
    }),
    mended: new Counter({
      name: 'mptk_mended_total',
      help: 'Settings that somebody else had changed and that were set again',
      labelNames: ['kind'],
      registers,
    }),
    keeperUp: new Gauge({
      name: 'mptk_keeper_up',
      help: 'Whether the keeper of --kept-by tells what it does: 1 or 0; 0 without one too',
      registers,
    }),
    subflowsReopened: new Counter({
      name: 'mptk_subflows_reopened_total',
      help: 'Subflows that were lost by an error and opened again',
      labelNames: ['uplink'],
      registers,
    }),
    ndiffportsConnections: new Gauge({
      name: 'mptk_ndiffports_connections',
      help: 'MPTCP connections whose further subflows are opened here',
      registers,
    }),
  }
}
