/** What `mptk run` says when everything is up: a few lines for people, or the same as fields of a record. */
import { release } from 'node:os'
import { formatAddress } from '../address.js'
import type { Host } from './host.js'
import { version } from './version.js'

const FLAVOURS = {
  upstream: 'MPTCP as in upstream Linux',
  'out-of-tree': 'MPTCP of the out-of-tree kernel (multipath-tcp.org)',
  'tcp-only': 'no MPTCP',
} as const

export interface Banner {
  /** The first stands for all of them where there is room for one. */
  lines: string[]
  fields: object
}

export function banner(host: Host, tryIt: boolean): Banner {
  const { kernel } = host.runtime
  const why = kernel.whyNoMptcp()
  const lines = [
    `mptk ${version()} on Linux ${release()}: ${FLAVOURS[kernel.flavour]}${why === undefined ? '' : `, not in use: ${why}`}`,
  ]
  const listeners = host.services.flatMap(({ name, listeners, egress }) =>
    listeners.map(({ address, opened }) => ({
      service: name,
      listen: formatAddress(address),
      ...opened,
      egress,
    })),
  )
  for (const { service, listen, protocol, reason, egress } of listeners) {
    const speaks = protocol + (reason === undefined ? '' : ` (${reason})`)
    lines.push(`  ${service.padEnd(12)} ${listen}  ${speaks}  → ${egress}`)
  }
  const status = host.status && `http://${formatAddress(host.status.address)}/status`
  if (status !== undefined) lines.push(`  ${'status'.padEnd(12)} ${status}`)
  const socks = host.services.find(({ type }) => type === 'socks5')?.listeners[0]
  const command =
    tryIt && socks !== undefined
      ? `curl --socks5-hostname ${formatAddress(socks.address)} https://www.debian.org/`
      : undefined
  if (command !== undefined) lines.push(`try: ${command}`)
  return {
    lines,
    fields: {
      listeners,
      ...(status !== undefined && { status }),
      ...(command !== undefined && { try: command }),
    },
  }
}
