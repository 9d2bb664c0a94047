/** Findings of `mptk doctor` that every kernel flavour shares. */
import { WANTED, WANTED_MODULE, type Choice } from './automatic-congestion.js'
import type { CongestionControls } from './congestion.js'
import type { Finding } from './kernel.js'
import { readSysctl } from './sysctl.js'

/** Sysctls that matter to every TCP connection. */
export const TCP_SYSCTLS = [
  'net.ipv4.tcp_congestion_control',
  'net.ipv4.tcp_available_congestion_control',
  'net.ipv4.tcp_allowed_congestion_control',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.core.rmem_max',
  'net.core.wmem_max',
] as const

export function finding(name: string, level: Finding['level'], value: string, mend?: string): Finding {
  return { name, level, value, ...(mend !== undefined && { mend }) }
}

/**
 * What MPTCP sockets of ours get by `congestion: auto`; the system's own choice is no concern of ours.
 * @param loads this process may have the kernel load modules, as `mptk run` with its rights would
 */
export function congestionFinding(
  { default: inForce }: Pick<CongestionControls, 'default'>,
  choice: Choice,
  loads: boolean,
): Finding {
  const name = 'congestion control'
  const tcp = `${inForce} for TCP (net.ipv4.tcp_congestion_control)`
  if (choice.name !== undefined) return finding(name, 'ok', `${choice.name} for MPTCP sockets, ${tcp}`)
  const { reason, mend } = choice
  if (loads && mend === `modprobe ${WANTED_MODULE}`) {
    return finding(name, 'ok', `${WANTED} for MPTCP sockets, loaded when the first asks for it, ${tcp}`)
  }
  const words = `${inForce} for all sockets: ${reason}; several lines can be slower than the best of them`
  return finding(name, 'warning', words, mend)
}

const BUFFERS = [
  { name: 'net.ipv4.tcp_rmem', enough: 6 << 20, what: 'receive' },
  { name: 'net.ipv4.tcp_wmem', enough: 4 << 20, what: 'send' },
] as const

/** A bonded connection needs room for the sum of the rates over the longest of the round-trip times. */
export function bufferFindings(): Finding[] {
  return BUFFERS.flatMap(({ name, enough, what }) => {
    const words = readSysctl(name)?.split(/\s+/) ?? []
    const [min, initial, max] = words
    if (min === undefined || initial === undefined || max === undefined) return []
    const value = `${what} buffers grow to ${mebibytes(Number(max))}: ${rateAt100ms(Number(max))} at 100 ms`
    return Number(max) >= enough
      ? finding(name, 'ok', value)
      : finding(name, 'warning', value, `sysctl -w ${name}="${min} ${initial} ${enough}"`)
  })
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** What one buffer per round trip of 100 ms amounts to. */
const rateAt100ms = (bytes: number): string => `${Math.round((bytes * 8 * 10) / 1e6)} Mbit/s`
