/**
 * Bulk traffic from one host of the lab to another, by `mptk perf`: what arrived, over time, and
 * what the sender's kernel said meanwhile.
 */
import { z } from 'zod'
import { MptkError } from '../../src/errors.js'
import type { LabHost } from '../lab-host.js'
import type { LabProcess } from '../lab-process.js'
import { MPTK_ENV, mptkCommand, startMptk } from '../mptk-process.js'

export interface TrafficOptions {
  /** Address of the server. */
  to: string
  transport: 'mptcp' | 'tcp'
  /** Local address, for a single path. */
  source?: string
  congestion?: string
  scheduler?: string
  /** Counted seconds, and those before them that are not. */
  seconds: number
  omit?: number
  /** Seconds; 0.5 unless given. */
  interval?: number
  /** `upload` unless given: from the host to the server, as iperf3 and with it the thesis. */
  direction?: 'upload' | 'download'
  /** Also measure requests and answers beside the load, on a connection of their own. */
  latency?: boolean
  /** `host:port` of a SOCKS5 proxy. */
  through?: string
  port?: number
}

export interface TrafficInterval {
  /** Seconds since the counted time began; the omitted time has none. */
  start: number
  end: number
  omitted: boolean
  /** Payload that arrived, Mbit/s. */
  mbit: number
  /** Of the sender's fastest subflow, ms: what iperf3 calls rtt. */
  rttMs: number
}

export interface Traffic {
  /** Payload that arrived in the counted time, Mbit/s. */
  mbit: number
  /** When it ended, by the clock of the intervals. */
  seconds: number
  /** By the client's clock; those of an upload for which the server's word has come. */
  intervals: TrafficInterval[]
  retransmits: number
  /** Request to answer, ms; empty without `latency`. */
  latencyMs: number[]
  /** The connection's verdict. */
  protocol: 'mptcp' | 'tcp'
}

const PORT = 5210

const sum = z.object({
  start: z.number(),
  end: z.number(),
  bits_per_second: z.number(),
  omitted: z.boolean(),
})
const streams = z.array(z.object({ rtt: z.number().optional() }))
const report = z.object({
  error: z.string().optional(),
  intervals: z.array(
    z.object({ sum, streams, server: z.object({ sum: sum.optional(), streams }).optional() }),
  ),
  end: z.object({
    streams: z.array(z.object({ mptcp: z.object({ verdict: z.enum(['mptcp', 'tcp']) }) })),
    sum_sent: z.object({ retransmits: z.number().optional() }).optional(),
    sum_received: z.object({ bits_per_second: z.number() }).optional(),
    latency: z.object({ samples: z.array(z.tuple([z.number(), z.number()])) }).optional(),
  }),
})

/** On the host that traffic goes to; it ends with the lab. */
export function startTrafficServer(
  host: LabHost,
  { transport = 'mptcp' }: { transport?: 'mptcp' | 'tcp' } = {},
): Promise<LabProcess> {
  const args = ['perf', 'server', '--listen', `0.0.0.0:${PORT}`, '--transport', transport]
  return startMptk(host, args, /^listening on/)
}

/** @throws {MptkError} MPTK_EXEC, also when the connection is not what `transport` asked for */
export async function runTraffic(
  host: LabHost,
  options: TrafficOptions,
  signal?: AbortSignal,
): Promise<Traffic> {
  const { stdout } = await host.run(trafficCommand(options), {
    env: MPTK_ENV,
    // a bound on a hang: setting up and the result may each take half a minute on a bad path
    timeout: (options.seconds + (options.omit ?? 0) + 90) * 1000,
    ...(signal !== undefined && { signal }),
  })
  return parseTraffic(stdout, options)
}

/** Traffic that is ended from outside. */
export class OpenTraffic {
  readonly #process: LabProcess
  readonly #options: TrafficOptions

  /** @param options whose `seconds` are a bound only */
  constructor(host: LabHost, options: TrafficOptions) {
    this.#options = options
    this.#process = host.spawn(trafficCommand(options), { env: MPTK_ENV })
  }

  /** Ends it and returns what was measured. @throws {MptkError} MPTK_LAB */
  async end(): Promise<Traffic> {
    this.#process.kill('SIGINT')
    const { input } = await this.#process.waitForLine(/^\{"start":/)
    await this.#process.exited
    return parseTraffic(input, this.#options)
  }

  /** Gives it up; harmless after {@link end}. */
  async stop(): Promise<void> {
    await this.#process.stop()
  }
}

function trafficCommand(options: TrafficOptions): string[] {
  const { to, transport, source, congestion, scheduler, through, direction, latency } = options
  const given: Record<string, string | undefined> = { source, congestion, scheduler, through }
  return mptkCommand(
    ...['perf', 'client', to, '--json', '--transport', transport, '--port', String(options.port ?? PORT)],
    ...(transport === 'mptcp' ? ['--mptcp', 'required'] : []),
    ...['--time', String(options.seconds), '--omit', String(options.omit ?? 0)],
    ...['--interval', String(options.interval ?? 0.5)],
    ...(direction === 'download' ? ['--reverse'] : []),
    ...(latency === true ? ['--latency', 'load'] : []),
    ...Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [`--${key}`, value])),
  )
}

/** @throws {MptkError} MPTK_LAB when it is no report of `mptk perf` */
export function parseTraffic(json: string, { direction }: Pick<TrafficOptions, 'direction'>): Traffic {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new MptkError('MPTK_LAB', 'mptk perf gave no report', { cause })
  }
  const parsed = report.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new MptkError(
      'MPTK_LAB',
      `report of mptk perf: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    )
  }
  const { intervals, end, error } = parsed.data
  // ended from outside: what was measured by then is complete in itself
  if (error !== undefined && error !== 'interrupted') throw new MptkError('MPTK_LAB', `mptk perf: ${error}`)
  const download = direction === 'download'
  return {
    seconds: intervals.at(-1)?.sum.end ?? 0,
    mbit: (end.sum_received?.bits_per_second ?? 0) / 1e6,
    intervals: intervals.flatMap(({ sum: own, streams: ownStreams, server }) => {
      const [received, sending] = download ? [own, server?.streams] : [server?.sum, ownStreams]
      if (received === undefined) return []
      const rtt = sending?.[0]?.rtt ?? 0
      const { start, end: until, omitted } = own
      return [{ start, end: until, omitted, mbit: received.bits_per_second / 1e6, rttMs: rtt / 1000 }]
    }),
    retransmits: end.sum_sent?.retransmits ?? 0,
    latencyMs: end.latency?.samples.map(([, ms]) => ms) ?? [],
    protocol: end.streams[0]?.mptcp.verdict ?? 'tcp',
  }
}
