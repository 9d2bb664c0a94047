import { formatAddress, type SocketAddress } from '../../src/address.js'
import { flowsOf, totalBytes, type TestPlan } from './messages.js'
import { formatBytes, formatRate } from './report-text.js'
import type { SessionResult } from './session.js'

/** One line of the server's for one test. */
export function serverLine(
  client: SocketAddress,
  plan: TestPlan,
  { flows, interrupted }: SessionResult,
): string {
  const parts = flowsOf(plan).flatMap((flow) => {
    const result = flows[flow]
    if (result === undefined) return []
    const bytes = totalBytes(result)
    const rate = result.seconds > 0 ? ` = ${formatRate((bytes * 8) / result.seconds)}` : ''
    const verdicts = [...new Set(result.streams.map(({ connection }) => connection.protocol))]
    const done = flow === 'forward' ? 'received' : 'sent'
    return `${done} ${formatBytes(bytes)} in ${result.seconds.toFixed(2)} s${rate} (${verdicts.join(' and ')})`
  })
  if (plan.streams === 0) parts.push('latency only')
  if (interrupted) parts.push('interrupted by the client')
  return `${formatAddress(client)}: ${parts.join(', ')}`
}
