/** `mptk perf` as it is run: the built command as a process of its own. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { LabProcess } from '../../mininet/lab-process.js'
import { localRunner } from '../../src/exec.js'

export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** The command's words, to run here or in a host of a lab. */
export function mptk(...words: string[]): string[] {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run npm run build first')
  return [process.execPath, MAIN, ...words]
}

/** The test runner's own preloads must not come along. */
export const CLEAN = { env: { NODE_OPTIONS: '' } }

/** The part of `--json` that tests look at. */
export interface PerfJson {
  start: { connected: { socket: number; mptcp: { verdict: string; reason?: string } }[] }
  intervals: { streams: { bytes: number }[]; sum: { bytes: number }; latency?: { count: number } }[]
  end: {
    streams: {
      sender?: { bytes: number }
      receiver?: { bytes: number }
      mptcp: JsonConnection
      mptcp_server?: JsonConnection
    }[]
    sum_sent?: JsonSum
    sum_received?: JsonSum
    sum_sent_bidir_reverse?: JsonSum
    sum_received_bidir_reverse?: JsonSum
    latency?: { count: number; p50: number; samples: [number, number][] }
  }
  error?: string
  error_code?: string
}
interface JsonSum {
  bytes: number
  seconds: number
  bits_per_second: number
}
interface JsonConnection {
  verdict: string
  reason?: string
  subflows: {
    local: { address: string }
    state: string
    rtt: number
    bytesSent?: number
    bytesReceived?: number
    retransmissions: number
  }[]
}

/** Starts `mptk perf server` on a port of its own; stopped in the test's teardown. */
export async function startPerfServer(
  t: Test,
  ...words: string[]
): Promise<{ process: LabProcess; port: string }> {
  const argv = mptk('perf', 'server', '--listen', '127.0.0.1:0', ...words)
  const process = new LabProcess(localRunner.spawn(argv, CLEAN))
  t.teardown(() => process.stop())
  const [, port = ''] = await process.waitForLine(/^listening on 127\.0\.0\.1:(\d+)/)
  return { process, port }
}
