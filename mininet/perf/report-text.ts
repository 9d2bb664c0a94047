/** The same for a person: lines while it runs, and the summary. */
import { formatAddress } from '../../src/address.js'
import type { ConnectionInfo, Subflow } from '../../src/kernel/kernel.js'
import { flowsOf, totalBytes, type Flow, type FlowResult, type IntervalReport } from './messages.js'
import type { OwnInterval, PerfRecord, ServerInterval } from './record.js'
import type { PerfObserver } from './client-options.js'
import type { Distribution } from '../../src/statistics.js'

export interface Output {
  write(text: string): unknown
}

const NAMES: Readonly<Record<Flow, string>> = { forward: 'up', reverse: 'down' }

/** `28.4 Mbit/s` from bits per second, three digits. */
export function formatRate(rate: number): string {
  return scaled(rate, 'bit/s')
}

export function formatBytes(bytes: number): string {
  return scaled(bytes, 'B')
}

function scaled(value: number, unit: string): string {
  const scale = [
    { at: 1e9, prefix: 'G' },
    { at: 1e6, prefix: 'M' },
    { at: 1e3, prefix: 'k' },
  ].find(({ at }) => value >= at * 0.9995)
  if (scale === undefined) return `${Math.round(value)} ${unit}`
  return `${(value / scale.at).toPrecision(3)} ${scale.prefix}${unit}`
}

export function formatLatency(summary: Distribution | undefined): string {
  if (summary === undefined) return 'no answers'
  const { count, p50, p90, p99, max, mean, stddev } = summary
  const figures = Object.entries({ p50, p90, p99, max, mean, stddev })
  return `${count} answers, ${figures.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ')} ms`
}

/**
 * Prints while a test runs: on a terminal one line that is written over, elsewhere a line for
 * each interval and direction. Rates are the receiver's: our own downwards, the server's upwards.
 */
export class TextProgress implements PerfObserver {
  readonly #out: Output
  readonly #terminal: boolean
  readonly #latest = new Map<string, string>()
  #sent = new Map<number, OwnInterval>()

  constructor(out: Output, terminal: boolean) {
    this.#out = out
    this.#terminal = terminal
  }

  connected(record: PerfRecord): void {
    const { plan, target, streams } = record
    const both = plan.direction === 'bidir' ? ' each way' : ''
    const what = plan.streams === 0 ? 'latency only' : `${count(plan.streams, 'stream')}${both}`
    const verdicts = [...new Set(streams.map(({ connection }) => formatVerdict(connection)))]
    this.#out.write(`connected to ${formatAddress(target)}: ${what}, ${verdicts.join(' and ')}\n`)
  }

  interval(interval: OwnInterval): void {
    const { flow, report, latency } = interval
    if (flow === 'forward') this.#sent.set(report.index, interval)
    else this.#line(NAMES.reverse, report, formatRate(rateOf(report)))
    if (latency !== undefined) this.#line('latency', report, formatLatency(latency))
  }

  serverInterval({ flow, report }: ServerInterval): void {
    if (flow === 'reverse') return
    const own = this.#sent.get(report.index)?.report.streams ?? []
    this.#sent.delete(report.index)
    const retransmits = own.reduce((sum, { sending }) => sum + (sending?.retransmits ?? 0), 0)
    this.#line(NAMES.forward, report, `${formatRate(rateOf(report))}, ${retransmits} retransmitted`)
  }

  /** Before anything else is printed. */
  end(): void {
    if (this.#terminal && this.#latest.size > 0) this.#out.write('\r\x1b[K')
  }

  #line(what: string, { start, end, omitted }: IntervalReport, figures: string): void {
    if (this.#terminal) {
      this.#latest.set(what, `${what} ${figures}`)
      this.#out.write(`\r\x1b[K${end.toFixed(1)} s  ${[...this.#latest.values()].join('  ')}`)
      return
    }
    const span = `${start.toFixed(1)}-${end.toFixed(1)} s`
    this.#out.write(`${span.padStart(14)}  ${what.padEnd(7)}  ${figures}${omitted ? '  (omitted)' : ''}\n`)
  }
}

/** What was measured, also when the test did not come to its end. */
export function textSummary(record: PerfRecord): string {
  const lines = flowsOf(record.plan).flatMap((flow) => flowLines(record, flow))
  const { latency } = record
  if (latency !== undefined) {
    const lost = latency.unanswered > 0 ? `, ${latency.unanswered} unanswered` : ''
    const skipped = latency.skipped > 0 ? `, ${latency.skipped} not sent` : ''
    lines.push(`latency: ${formatLatency(latency.summary)}${lost}${skipped}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

function flowLines(record: PerfRecord, flow: Flow): string[] {
  const own = record.flows[flow]
  const server = record.server?.flows[flow]
  const [sent, received] = flow === 'forward' ? [own, server] : [server, own]
  if (own === undefined) return []
  const retransmits = sent?.streams.reduce((sum, { sending }) => sum + (sending?.retransmits ?? 0), 0)
  const parts = [
    received === undefined ? 'what the server received is not known' : `received ${resultText(received)}`,
    ...(sent === undefined ? [] : [`sent ${formatBytes(totalBytes(sent))}`]),
    ...(retransmits === undefined ? [] : [`${retransmits} retransmitted`]),
  ]
  return [
    `${NAMES[flow]}: ${parts.join(', ')}`,
    ...own.streams.flatMap((stream) => streamLines(stream, flow)),
  ]
}

function resultText(result: FlowResult): string {
  const bytes = totalBytes(result)
  const rate = result.seconds > 0 ? (bytes * 8) / result.seconds : 0
  return `${formatBytes(bytes)} in ${result.seconds.toFixed(2)} s = ${formatRate(rate)}`
}

function streamLines({ id, connection }: FlowResult['streams'][number], flow: Flow): string[] {
  return [
    `  stream ${id}: ${formatVerdict(connection)}`,
    ...connection.subflows.map((subflow) => `    ${formatSubflow(subflow, flow)}`),
  ]
}

function formatSubflow(subflow: Subflow, flow: Flow): string {
  const { local, remote, rtt, retransmissions, state } = subflow
  const bytes = flow === 'forward' ? subflow.bytesSent : subflow.bytesReceived
  return [
    `${local.address} → ${remote.address}`,
    ...(bytes === undefined ? [] : [`${formatBytes(bytes)} ${flow === 'forward' ? 'sent' : 'received'}`]),
    `rtt ${rtt.toFixed(1)} ms`,
    `${retransmissions} retransmitted`,
    ...(state === 'close' ? ['ended'] : []),
    ...(subflow.backup === true ? ['backup'] : []),
  ].join('  ')
}

function formatVerdict({ protocol, reason }: Pick<ConnectionInfo, 'protocol' | 'reason'>): string {
  return reason === undefined ? protocol : `${protocol} (${reason})`
}

function rateOf({ start, end, streams }: IntervalReport): number {
  return (streams.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / Math.max(end - start, 1e-6)
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
