import t, { type Test } from 'tap'
import {
  flowsOf,
  totalBytes,
  type Flow,
  type IntervalReport,
  type TestPlan,
} from '../../../mininet/perf/messages.js'
import type { PerfRecord } from '../../../mininet/perf/record.js'
import { textSummary, TextProgress } from '../../../mininet/perf/report-text.js'
import { detectKernel } from '../../../src/kernel/detect.js'
import { bytesPlan, localServer, PLAN, run } from '../../support/perf-local.js'

/** From one request to the next, milliseconds. */
const INTERVAL = 5
const WIPE = '\r\x1b[K'
const noMptcp = detectKernel().whyNoMptcp()

/** Results of both ends of one direction: of the sender, of the receiver. */
function ends(record: PerfRecord, flow: Flow) {
  const own = record.flows[flow]
  const server = record.server?.flows[flow]
  if (own === undefined || server === undefined) throw new Error(`no result of ${flow}`)
  return flow === 'forward' ? { sent: own, received: server } : { sent: server, received: own }
}

function bytesOfIntervals(record: PerfRecord, which: 'intervals' | 'serverIntervals', flow: Flow): number {
  return record[which]
    .filter((each) => each.flow === flow && !each.report.omitted)
    .flatMap(({ report }) => report.streams)
    .reduce((sum, { bytes }) => sum + bytes, 0)
}

/** What must hold whatever was measured. */
function consistent(t: Test, record: PerfRecord, plan: TestPlan): void {
  t.equal(record.error, undefined, 'no error')
  for (const flow of flowsOf(plan)) {
    const { sent, received } = ends(record, flow)
    t.equal(sent.streams.length, plan.streams)
    t.equal(received.streams.length, plan.streams)
    t.ok(
      sent.streams.every(({ sending }) => sending !== undefined),
      'the sender tells what sending took',
    )
    t.ok(
      received.streams.every(({ sending }) => sending === undefined),
      'the receiver does not',
    )
    const own = record.flows[flow]
    t.equal(bytesOfIntervals(record, 'intervals', flow), own && totalBytes(own), 'our intervals add up')
    const server = record.server?.flows[flow]
    t.equal(
      bytesOfIntervals(record, 'serverIntervals', flow),
      server && totalBytes(server),
      "the server's intervals add up",
    )
    for (const { connection } of [...sent.streams, ...received.streams]) {
      t.equal(connection.protocol, noMptcp === undefined ? record.wish.transport : 'tcp')
      t.ok(connection.subflows.length >= 1, 'subflows are told')
    }
  }
}

for (const transport of ['mptcp', 'tcp'] as const) {
  for (const direction of ['forward', 'reverse', 'bidir'] as const) {
    for (const streams of [1, 3]) {
      void t.test(
        `bytes: ${transport} ${direction}, ${streams} streams: every byte arrives and counts`,
        async (t) => {
          const local = localServer(t)
          const plan = bytesPlan(20_000_003, { direction, streams })
          const record = await run(local, plan, { wish: { transport } })
          consistent(t, record, plan)
          for (const flow of flowsOf(plan)) {
            const { sent, received } = ends(record, flow)
            t.equal(totalBytes(sent), plan.bytes, `${flow}: all were sent`)
            t.strictSame(
              received.streams.map(({ id, bytes }) => [id, bytes]),
              sent.streams.map(({ id, bytes }) => [id, bytes]),
              `${flow}: each stream received what was sent on it`,
            )
            const payload = record.flows[flow]?.streams
              .flatMap(({ connection }) => connection.subflows)
              .reduce(
                (sum, each) => sum + ((flow === 'forward' ? each.bytesSent : each.bytesReceived) ?? 0),
                0,
              )
            t.ok(payload !== undefined && payload >= 20_000_003, 'the subflows carried at least that')
          }
          t.strictSame(local.troubles, [])
          t.equal(local.tests.length, 1)
        },
      )
    }
  }
}

void t.test('fewer bytes than streams', async (t) => {
  const plan = bytesPlan(2, { streams: 4, direction: 'bidir' })
  const record = await run(localServer(t), plan)
  t.equal(record.error, undefined)
  t.strictSame(
    record.server?.flows.forward?.streams.map(({ bytes }) => bytes),
    [1, 1, 0, 0],
  )
  t.strictSame(
    record.flows.reverse?.streams.map(({ bytes }) => bytes),
    [1, 1, 0, 0],
  )
})

for (const direction of ['forward', 'reverse', 'bidir'] as const) {
  void t.test(`time: ${direction}`, async (t) => {
    const local = localServer(t)
    const plan = { ...PLAN, direction, streams: 2 }
    const record = await run(local, plan)
    consistent(t, record, plan)
    for (const flow of flowsOf(plan)) {
      const { sent, received } = ends(record, flow)
      t.ok(totalBytes(received) > 0, `${flow}: something came`)
      t.ok(totalBytes(received) <= totalBytes(sent), `${flow}: no more than was sent`)
      const own = record.flows[flow]?.seconds ?? 0
      // less than a millisecond at the end is left out
      t.ok(own >= 0.399, `${flow}: not ended early`)
      const spans = record.intervals.filter((each) => each.flow === flow).map(({ report }) => report)
      for (const [i, { start }] of spans.entries()) t.equal(start, spans[i - 1]?.end ?? 0, 'without a gap')
      t.equal(spans.at(-1)?.end, own, 'up to the end')
    }
  })
}

void t.test('omitted time does not count', async (t) => {
  // long enough for bytes to come in it, however slow the machine
  const plan = { ...PLAN, omit: 1, direction: 'bidir' as const }
  const record = await run(localServer(t), plan)
  consistent(t, record, plan)
  for (const flow of flowsOf(plan)) {
    for (const which of ['intervals', 'serverIntervals'] as const) {
      const reports = record[which].filter((each) => each.flow === flow).map(({ report }) => report)
      const omitted = reports.filter((each) => each.omitted)
      t.ok(omitted.length > 0, 'intervals of the omitted time are told')
      t.strictSame(reports.slice(0, omitted.length), omitted, 'they come first')
      t.equal(reports[omitted.length]?.start, 0, 'then the time begins again')
      const all = reports.flatMap(({ streams }) => streams).reduce((sum, { bytes }) => sum + bytes, 0)
      t.ok(bytesOfIntervals(record, which, flow) < all, 'their bytes are not in the sum')
    }
  }
})

void t.test('latency alone', async (t) => {
  const local = localServer(t)
  const plan = { ...PLAN, streams: 0, latency: { size: 64 } }
  const record = await run(local, plan, { latencyInterval: INTERVAL })
  t.equal(record.error, undefined)
  const { latency } = record
  t.ok(latency?.summary, 'there are answers')
  t.equal(latency?.samples.length, latency?.summary?.count)
  t.ok(latency?.samples.every(([at, ms]) => at >= 0 && ms > 0))
  t.match(latency, { skipped: 0 })
  // on a machine that is slow at the end, more than the last request may be without an answer
  const requests = (latency?.samples.length ?? 0) + (latency?.unanswered ?? 0)
  const seconds = record.intervals.at(-1)?.report.end ?? 0
  // an interval of less than a millisecond at the end is none
  const slots = Math.floor((seconds * 1000 + 1) / INTERVAL) + 1
  t.ok(requests <= slots, `${requests} requests, ${slots} by the clock: what was late is not made up for`)
  t.strictSame(record.flows, {})
  t.equal(
    record.intervals.reduce((sum, each) => sum + (each.latency?.count ?? 0), 0),
    latency?.summary?.count,
    'the intervals add up',
  )
  t.equal(record.latencyConnection?.protocol, noMptcp === undefined ? 'mptcp' : 'tcp')
  t.match(record.streams, [{ flow: 'latency' }])
  t.strictSame(local.troubles, [])
})

for (const size of [1, 64, 65_536]) {
  void t.test(`latency under load, ${size} bytes, one after another`, async (t) => {
    const plan = { ...PLAN, duration: 1.5, direction: 'bidir' as const, latency: { size } }
    const record = await run(localServer(t), plan, { latencyInterval: 0 })
    consistent(t, record, plan)
    t.ok((record.latency?.summary?.count ?? 0) > 1, 'requests were answered')
    t.ok((record.latency?.unanswered ?? 9) <= 1)
  })
}

void t.test('latency while bytes are sent ends with them', async (t) => {
  const plan = bytesPlan(30_000_000, { latency: { size: 64 } })
  const record = await run(localServer(t), plan, { latencyInterval: 0 })
  consistent(t, record, plan)
  t.ok(record.latency?.summary)
})

void t.test('a test of TCP against an MPTCP listener, and the other way round', async (t) => {
  const record = await run(localServer(t), PLAN, { wish: { transport: 'tcp' } })
  t.match(record.streams, [{ connection: { protocol: 'tcp', reason: 'configured' } }])
  t.match(record.server?.flows.forward?.streams, [
    { connection: { protocol: 'tcp', reason: noMptcp ?? 'the client did not ask for MPTCP' } },
  ])
  const local = localServer(t, { wish: { transport: 'tcp' } })
  const fellBack = await run(local, PLAN)
  t.match(fellBack.streams, [
    { connection: { protocol: 'tcp', reason: noMptcp ?? /answered without MPTCP/ } },
  ])
  const refused = await run(local, PLAN, { wish: { transport: 'mptcp', mptcp: 'required' } })
  t.match(refused.error, { code: 'MPTK_MPTCP_REQUIRED' })
})

void t.test('congestion control of both ends', async (t) => {
  const { default: inForce } = detectKernel().report().congestionControls
  const other = inForce === 'reno' ? 'cubic' : 'reno'
  const plan = { ...PLAN, congestion: other, direction: 'bidir' as const }
  const record = await run(localServer(t), plan, { wish: { transport: 'mptcp', congestion: other } })
  consistent(t, record, plan)
  for (const flow of flowsOf(plan)) {
    const { sent, received } = ends(record, flow)
    t.equal(sent.streams[0]?.connection.subflows[0]?.congestion, other, `${flow}: the sender's`)
    t.equal(received.streams[0]?.connection.subflows[0]?.congestion, other, `${flow}: the receiver's`)
  }
})

void t.test('several clients at once', async (t) => {
  const local = localServer(t)
  const plan = bytesPlan(5_000_000, { direction: 'bidir' })
  const records = await Promise.all(Array.from({ length: 5 }, () => run(local, plan)))
  for (const record of records) consistent(t, record, plan)
  t.equal(local.tests.length, 5)
})

void t.test('interrupted: what was measured so far', async (t) => {
  for (const plan of [
    { ...PLAN, duration: 60 },
    { ...PLAN, duration: 60, direction: 'reverse' as const, latency: { size: 64 } },
    bytesPlan(1e15, { direction: 'bidir', streams: 2 }),
  ]) {
    const local = localServer(t)
    const stop = new AbortController()
    // once the receiver of each direction has told of bytes
    const waiting = new Set(flowsOf(plan))
    const tell = ({ flow, report }: { flow: Flow; report: IntervalReport }): void => {
      if (report.streams.some(({ bytes }) => bytes > 0)) waiting.delete(flow)
      if (waiting.size === 0) stop.abort()
    }
    const record = await run(local, plan, {
      signal: stop.signal,
      observer: {
        interval: (each) => each.flow === 'reverse' && tell(each),
        serverInterval: (each) => each.flow === 'forward' && tell(each),
      },
    })
    t.match(record.error, { code: 'MPTK_PERF', message: 'interrupted' })
    for (const flow of flowsOf(plan)) {
      const { received } = ends(record, flow)
      t.ok(totalBytes(received) > 0, `${plan.direction}: ${flow} has a result`)
    }
    t.match(local.tests, [{ interrupted: true }], 'the server knows')
  }
})

void t.test('interrupted before it began', async (t) => {
  const record = await run(localServer(t), PLAN, { signal: AbortSignal.abort() })
  t.match(record.error, { message: 'interrupted' })
  t.strictSame(record.intervals, [])
})

void t.test('progress and summary', async (t) => {
  const lines: string[] = []
  const plan = { ...PLAN, duration: 1.5, direction: 'bidir' as const, latency: { size: 64 } }
  const observer = new TextProgress({ write: (text) => lines.push(text) }, false)
  const local = localServer(t)
  const record = await run(local, plan, { observer })
  const text = lines.join('')
  t.match(text, /^connected to 127\.0\.0\.1:\d+: 1 stream each way, (mptcp|tcp)/)
  t.match(text, /^ +0\.0-\d\.\d s {2}up {7}\d+(\.\d+)? [kMG]?bit\/s, \d+ retransmitted$/m)
  t.match(text, /^ +0\.0-\d\.\d s {2}down {5}\d+(\.\d+)? [kMG]?bit\/s$/m)
  t.match(text, /^ +\d\.\d-\d\.\d s {2}latency {2}\d+ answers, p50 [\d.]+, p90 [\d.]+, p99 .* ms$/m)
  const summary = textSummary(record)
  t.match(summary, /^up: received .* in [\d.]+ s = .*bit\/s, sent .*, \d+ retransmitted$/m)
  t.match(summary, /^down: received /m)
  t.match(summary, /^ {4}127\.0\.0\.1 → 127\.0\.0\.1 {2}.* sent {2}rtt [\d.]+ ms {2}\d+ retransmitted/m)
  t.match(summary, /^latency: \d+ answers/m)

  const screen: string[] = []
  const terminal = new TextProgress({ write: (each) => screen.push(each) }, true)
  await run(local, PLAN, { observer: terminal })
  terminal.end()
  t.equal(screen.join('').split('\n').length, 2, 'on a terminal one line is written over')
  t.ok(screen[1]?.startsWith(WIPE), 'each time from the beginning')
  t.match(screen[1], /\d\.\d s {2}up /)
  t.equal(screen.at(-1), WIPE, 'and wiped at the end')
})
