/** The thesis's network as experiments use it: a client with two uplinks, traffic to the proxy host. */
import type { Measurement, Stage } from './experiment.js'
import { ping } from './ping.js'
import { runTraffic, startTrafficServer, type Traffic, type TrafficOptions } from './traffic.js'

export const UPLINKS = ['wlan', 'cell'] as const
export type Uplink = (typeof UPLINKS)[number]
/** Over one uplink by TCP, or over all by MPTCP. */
export type Way = Uplink | 'bonded'

export const UPLINK_TITLES: Readonly<Record<Uplink, string>> = { wlan: 'WLAN', cell: 'cellular' }

export function proxyAddress({ lab }: Stage): string {
  return lab.host('proxy').address('eth0')
}

/** The server, and what would otherwise be part of the first measurement: address resolution on each path. */
export async function preparePaths(stage: Stage): Promise<void> {
  await startTrafficServer(stage.lab.host('proxy'))
  for (const uplink of UPLINKS) await pingProxy(stage, uplink, 2)
}

export function pingProxy(stage: Stage, uplink: Uplink, count: number): Promise<number[]> {
  const client = stage.lab.host('client')
  return ping(client, { to: proxyAddress(stage), source: client.address(uplink), count })
}

/** Bulk traffic from the client to the proxy host. */
export function sendOver(
  stage: Stage,
  way: Way,
  options: Omit<TrafficOptions, 'to' | 'transport' | 'source'>,
): Promise<Traffic> {
  return runTraffic(stage.lab.host('client'), { ...options, ...wayOf(stage, way) }, stage.signal)
}

export function wayOf(stage: Stage, way: Way): Pick<TrafficOptions, 'to' | 'transport' | 'source'> {
  const to = proxyAddress(stage)
  if (way === 'bonded') return { to, transport: 'mptcp' }
  return { to, transport: 'tcp', source: stage.lab.host('client').address(way) }
}

/** What every experiment with bulk traffic keeps of it. */
export function measurementOf({ mbit, intervals, retransmits, latencyMs }: Traffic): Measurement {
  const counted = intervals.filter(({ omitted }) => !omitted)
  return {
    values: { goodputMbit: mbit, retransmits },
    series: { mbit: counted.map(({ end, mbit: rate }) => [end, rate]) },
    distributions: {
      rttMs: counted.map(({ rttMs }) => rttMs),
      ...(latencyMs.length > 0 && { latencyMs }),
    },
  }
}
