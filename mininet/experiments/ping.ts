import { MptkError } from '../../src/errors.js'
import type { LabHost } from '../lab-host.js'

export interface PingOptions {
  to: string
  source: string
  count: number
}

/** Round-trip times in ms of those echo requests that were answered. @throws {MptkError} MPTK_LAB when none was */
export async function ping(host: LabHost, { to, source, count }: PingOptions): Promise<number[]> {
  const argv = ['ping', '-n', '-c', String(count), '-i', '0.1', '-W', '3', '-I', source, to]
  // exit code 1: some were lost
  const { stdout } = await host.run(argv, { reject: false, timeout: 60_000 + count * 1000 })
  const times = [...stdout.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time))
  if (times.length === 0) throw new MptkError('MPTK_LAB', `${host.name}: no answer from ${to} to ${source}`)
  return times
}
