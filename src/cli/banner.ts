/** The few lines that `mptk run` prints when everything is up. */
import { release } from 'node:os'
import { formatAddress } from '../address.js'
import type { Host } from './host.js'
import { version } from './version.js'

const FLAVOURS = {
  upstream: 'MPTCP as in upstream Linux',
  'out-of-tree': 'MPTCP of the out-of-tree kernel (multipath-tcp.org)',
  'tcp-only': 'no MPTCP',
} as const

export function banner(host: Host, tryIt: boolean): string {
  const { kernel } = host.runtime
  const why = kernel.whyNoMptcp()
  const lines = [
    `mptk ${version()} on Linux ${release()}: ${FLAVOURS[kernel.flavour]}${why === undefined ? '' : `, not in use: ${why}`}`,
  ]
  for (const { name, listeners, egress } of host.services) {
    for (const { address, opened } of listeners) {
      const speaks = opened.protocol + (opened.reason === undefined ? '' : ` (${opened.reason})`)
      lines.push(`  ${name.padEnd(12)} ${formatAddress(address)}  ${speaks}  → ${egress}`)
    }
  }
  if (host.status !== undefined)
    lines.push(`  ${'status'.padEnd(12)} http://${formatAddress(host.status.address)}/status`)
  const socks = host.services.find(({ type }) => type === 'socks5')?.listeners[0]
  if (tryIt && socks !== undefined) {
    lines.push(`try: curl --socks5-hostname ${formatAddress(socks.address)} https://www.debian.org/`)
  }
  return lines.join('\n')
}
