/** Network measurements with tools not written here: ping and iperf3. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

/** The smallest value that this share (0 to 1) of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (found === undefined) throw new Error('no values')
  return found
}

/**
 * Round trips by ping, milliseconds, of those that came back.
 * @param prefix words that take a command to its namespace
 */
export async function ping(prefix: readonly string[], ...args: string[]): Promise<number[]> {
  const [command = '', ...rest] = [...prefix, 'ping', '-n', ...args]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = await text(child.stdout)
  return [...output.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]))
}

/** iperf3 begins with a datagram of its own and does not send it again: where packets are lost, it may be that one. */
const FIRST_LOST = /unable to read from stream socket/
const ATTEMPTS = 5

const udpReport = z.looseObject({
  end: z.looseObject({
    sum: z.looseObject({ packets: z.number() }),
    streams: z
      .array(z.looseObject({ udp: z.looseObject({ packets: z.number(), lost_packets: z.number() }) }))
      .min(1),
  }),
})

export interface UdpResult {
  /** Sent by the client, and lost of these as the server counts. */
  packets: number
  lost: number
}

/** `iperf3 -u` from one namespace to a server started for it in the other. @throws when iperf3 fails */
export async function udp(
  from: readonly string[],
  to: readonly string[],
  address: string,
  ...args: string[]
): Promise<UdpResult> {
  for (let attempt = 1; ; attempt++) {
    const report = await runUdp(from, to, address, args)
    const { error } = z.looseObject({ error: z.string().optional() }).parse(report)
    if (error !== undefined && FIRST_LOST.test(error) && attempt < ATTEMPTS) continue
    if (error !== undefined) throw new Error(`iperf3: ${error}`)
    const [stream] = udpReport.parse(report).end.streams
    if (stream === undefined) throw new Error('iperf3 reported no stream')
    return { packets: stream.udp.packets, lost: stream.udp.lost_packets }
  }
}

/** @returns what the client printed as JSON, its failure too */
async function runUdp(
  from: readonly string[],
  to: readonly string[],
  address: string,
  args: readonly string[],
): Promise<unknown> {
  const [command, ...rest] = [...to, 'iperf3', '--server', '--one-off', '--forceflush']
  const server = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const served = once(server, 'exit')
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      if (line.includes('listening')) break
    }
    server.stdout.resume()
    const [client = '', ...clientRest] = [...from, 'iperf3', '--client', address, '--udp', '--json', ...args]
    const child = spawn(client, clientRest, { stdio: ['ignore', 'pipe', 'inherit'] })
    return JSON.parse(await text(child.stdout))
  } finally {
    server.kill('SIGTERM')
    await served
  }
}
