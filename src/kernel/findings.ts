/** Findings of `mptk doctor` that every kernel flavour shares. */
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

const CONGESTION = 'net.ipv4.tcp_congestion_control'

/** Bonding adds the paths up best with cubic; bbr was measured to lose up to a tenth, from run to run. */
export function congestionFinding({ available, allowed, default: inForce }: CongestionControls): Finding {
  if (inForce === 'cubic') return finding(CONGESTION, 'ok', 'cubic, which adds paths up well')
  const words = `${inForce}; cubic adds the rates of several paths up more evenly`
  const value = `${words} (for one service: congestion: cubic)`
  // in a further network namespace only what is allowed in the first can be set, which cannot be seen there
  if (allowed.length === 0) return finding(CONGESTION, 'info', value)
  const set = `sysctl -w ${CONGESTION}=cubic`
  return finding(
    CONGESTION,
    'info',
    value,
    available.includes('cubic') ? set : `modprobe tcp_cubic && ${set}`,
  )
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
