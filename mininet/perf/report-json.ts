/**
 * The record as JSON, in the words and units of iperf3 3.12 (rtt in microseconds, snd_cwnd in
 * bytes); what iperf3 has no word for is in keys of our own: `mptk`, `mptcp`, `mptcp_server`,
 * `server`, `latency`, `error_code`. docs/perf.md describes them.
 */
import os from 'node:os'
import { flowsOf, totalBytes, type CpuUse, type Flow, type FlowResult } from './messages.js'
import { intervalsOf } from './json-intervals.js'
import { connectionOf, rounded, span, summaryOf, verdictOf, type Json } from './json-words.js'
import type { PerfRecord } from './record.js'

export function jsonReport(record: PerfRecord, version: string): Json {
  const { error } = record
  return {
    start: startOf(record, version),
    intervals: intervalsOf(record),
    end: endOf(record),
    ...(error !== undefined && { error: error.message, error_code: error.code }),
  }
}

function startOf(record: PerfRecord, version: string): Json {
  const { plan, wish, target, startedAt } = record
  return {
    connected: record.streams
      .filter(({ flow }) => flow !== 'latency')
      .map(({ socket, local, remote, connection }) => ({
        socket,
        local_host: local.address,
        local_port: local.port,
        remote_host: remote.address,
        remote_port: remote.port,
        mptcp: verdictOf(connection),
      })),
    version: `mptk ${version}`,
    system_info: [os.type(), os.hostname(), os.release(), os.version(), os.machine()].join(' '),
    timestamp: { time: startedAt.toUTCString(), timesecs: Math.floor(startedAt.getTime() / 1000) },
    connecting_to: { host: target.host, port: target.port },
    test_start: {
      protocol: 'TCP',
      num_streams: plan.streams,
      blksize: plan.blockSize,
      omit: plan.omit,
      duration: plan.duration ?? 0,
      bytes: plan.bytes ?? 0,
      reverse: plan.direction === 'reverse' ? 1 : 0,
    },
    mptk: {
      direction: plan.direction,
      interval: plan.interval,
      ...wish,
      ...(plan.latency !== undefined && {
        latency: { size: plan.latency.size, interval: record.latencyInterval },
      }),
      warnings: record.warnings,
    },
  }
}

function endOf(record: PerfRecord): Json {
  const flows = flowsOf(record.plan)
  const { server, cpu, latency, latencyConnection } = record
  const [first] = flows
  const [sent, received] = first === undefined ? [] : endsOf(record, first)
  const congestion = (result: FlowResult | undefined): string | undefined =>
    result?.streams[0]?.connection.subflows[0]?.congestion
  const [sending, receiving] = [congestion(sent), congestion(received)]
  return {
    streams: flows.flatMap((flow) => endStreams(record, flow)),
    ...flows.reduce<Json>((sums, flow) => ({ ...sums, ...endSums(record, flow) }), {}),
    ...(cpu !== undefined && { cpu_utilization_percent: cpuOf(cpu, server?.cpu) }),
    ...(sending !== undefined && { sender_tcp_congestion: sending }),
    ...(receiving !== undefined && { receiver_tcp_congestion: receiving }),
    ...(latency !== undefined && {
      latency: {
        ...summaryOf(latency.summary),
        unanswered: latency.unanswered,
        skipped: latency.skipped,
        samples: latency.samples.map(([at, ms]) => [rounded(at), Math.round(ms * 1e3) / 1e3]),
        ...(latencyConnection !== undefined && { mptcp: connectionOf(latencyConnection) }),
      },
    }),
  }
}

/** Results of one direction: of the sending end, then of the receiving end. */
function endsOf(record: PerfRecord, flow: Flow): [FlowResult | undefined, FlowResult | undefined] {
  const own = record.flows[flow]
  const server = record.server?.flows[flow]
  return flow === 'forward' ? [own, server] : [server, own]
}

function endStreams(record: PerfRecord, flow: Flow): Json[] {
  const [sent, received] = endsOf(record, flow)
  const sender = flow === 'forward'
  return record.streams
    .filter((each) => each.flow === flow)
    .map(({ id, socket }) => {
      const out = sent?.streams.find((each) => each.id === id)
      const into = received?.streams.find((each) => each.id === id)
      const [own, server] = sender ? [out, into] : [into, out]
      return {
        ...(out !== undefined && {
          sender: { socket, ...span(0, sent?.seconds ?? 0, out.bytes), ...sendingOf(out), sender },
        }),
        ...(into !== undefined && {
          receiver: { socket, ...span(0, received?.seconds ?? 0, into.bytes), sender },
        }),
        ...(own !== undefined && { mptcp: connectionOf(own.connection) }),
        ...(server !== undefined && { mptcp_server: connectionOf(server.connection) }),
      }
    })
}

function sendingOf({ sending }: FlowResult['streams'][number]): Json {
  if (sending === undefined) return {}
  return {
    retransmits: sending.retransmits,
    ...(sending.maxWindow !== undefined && { max_snd_cwnd: sending.maxWindow }),
    max_rtt: sending.maxRtt,
    min_rtt: sending.minRtt,
    mean_rtt: sending.meanRtt,
  }
}

function endSums(record: PerfRecord, flow: Flow): Json {
  const [sent, received] = endsOf(record, flow)
  const suffix = record.plan.direction === 'bidir' && flow === 'reverse' ? '_bidir_reverse' : ''
  const sender = flow === 'forward'
  const retransmits = sent?.streams.reduce((sum, { sending }) => sum + (sending?.retransmits ?? 0), 0)
  return {
    ...(sent !== undefined && {
      [`sum_sent${suffix}`]: { ...span(0, sent.seconds, totalBytes(sent)), retransmits, sender },
    }),
    ...(received !== undefined && {
      [`sum_received${suffix}`]: { ...span(0, received.seconds, totalBytes(received)), sender },
    }),
  }
}

function cpuOf(host: CpuUse, remote: CpuUse | undefined): Json {
  return {
    host_total: host.total,
    host_user: host.user,
    host_system: host.system,
    ...(remote !== undefined && {
      remote_total: remote.total,
      remote_user: remote.user,
      remote_system: remote.system,
    }),
  }
}
