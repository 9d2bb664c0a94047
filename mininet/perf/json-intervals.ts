/** `intervals` of the JSON report: our own figures, with the server's of the same time in `server`. */
import { flowsOf, type Flow, type IntervalReport } from './messages.js'
import { connectionOf, socketOf, span, summaryOf, type Json } from './json-words.js'
import type { OwnInterval, PerfRecord } from './record.js'

export function intervalsOf(record: PerfRecord): Json[] {
  const { plan } = record
  const [first = 'forward', second] = flowsOf(plan)
  const own = (flow: Flow | undefined): OwnInterval[] => record.intervals.filter((each) => each.flow === flow)
  const served = new Map(
    record.serverIntervals.map(({ flow, report }) => [`${flow} ${report.index}`, report]),
  )
  const seconds = new Map(own(second).map((each) => [each.report.index, each]))
  return own(first).map((interval) => {
    const { index } = interval.report
    const other = seconds.get(index)
    const server = [first, second].map((flow) => served.get(`${flow} ${index}`))
    return {
      streams: [interval, other].flatMap((each) => (each === undefined ? [] : streamsOf(record, each))),
      ...sumsOf(interval, other),
      ...(server.some((each) => each !== undefined) && { server: serverOf(record, first, server) }),
      ...(interval.latency !== undefined && { latency: summaryOf(interval.latency) }),
    }
  })
}

/** What one interval says of each stream. */
function streamsOf(record: PerfRecord, { report, flow, connections }: OwnInterval): Json[] {
  return report.streams.map((stream) => {
    const connection = connections.get(stream.id)
    return {
      ...streamFigures(record, report, stream, flow === 'forward'),
      ...(connection !== undefined && { mptcp: connectionOf(connection) }),
    }
  })
}

type ReportedStream = IntervalReport['streams'][number]

function streamFigures(
  record: PerfRecord,
  report: IntervalReport,
  { id, bytes, sending }: ReportedStream,
  sender: boolean,
): Json {
  return {
    socket: socketOf(record, id),
    ...span(report.start, report.end, bytes),
    ...(sending !== undefined && {
      retransmits: sending.retransmits,
      ...(sending.window !== undefined && { snd_cwnd: sending.window }),
      rtt: sending.rtt,
      rttvar: sending.rttVariation,
    }),
    omitted: report.omitted,
    sender,
  }
}

function sumsOf(first: OwnInterval, second: OwnInterval | undefined): Json {
  return {
    sum: sumOf(first.report, first.flow === 'forward'),
    ...(second !== undefined && { sum_bidir_reverse: sumOf(second.report, second.flow === 'forward') }),
  }
}

function sumOf(report: IntervalReport, sender: boolean): Json {
  const { streams } = report
  const total = (figure: (stream: ReportedStream) => number): number =>
    streams.reduce((sum, stream) => sum + figure(stream), 0)
  const sends = streams.some(({ sending }) => sending !== undefined)
  return {
    ...span(
      report.start,
      report.end,
      total(({ bytes }) => bytes),
    ),
    ...(sends && { retransmits: total(({ sending }) => sending?.retransmits ?? 0) }),
    omitted: report.omitted,
    sender,
  }
}

/** The same interval by the server's clock: what it received, or what its sending took. */
function serverOf(record: PerfRecord, first: Flow, reports: readonly (IntervalReport | undefined)[]): Json {
  const [one, other] = reports
  const figures = (report: IntervalReport | undefined, flow: Flow): Json[] =>
    report?.streams.map((stream) => streamFigures(record, report, stream, flow === 'reverse')) ?? []
  return {
    streams: [...figures(one, first), ...figures(other, 'reverse')],
    ...(one !== undefined && { sum: sumOf(one, first === 'reverse') }),
    ...(other !== undefined && { sum_bidir_reverse: sumOf(other, true) }),
  }
}
