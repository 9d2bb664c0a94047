/** What must be true of a transfer and of the proxies' records of it. */
import type { SessionRecord } from '../../proxy/session.js'
import type { Finished } from './load.js'
import type { Payload } from './payload.js'
import type { PeerResult } from './peer.js'
import type { Side } from './plan.js'

/** Everything wrong with one transfer, in words; empty when all is well. */
export function transferFaults(finished: Finished, payload: Payload): string[] {
  const { transfer, client, server } = finished
  const faults: string[] = []
  const from = (side: Side) => (side === 'client' ? transfer.up : transfer.down)
  const check = (side: Side, result: PeerResult): void => {
    const other = side === 'client' ? 'server' : 'client'
    // also what arrived of a broken transfer is what was sent, from the beginning
    if (result.hash !== payload.hash(transfer, other, result.received)) faults.push(`${side}: wrong bytes`)
    if (transfer.cut === undefined) {
      if (result.error !== undefined) faults.push(`${side}: ${result.error}`)
      if (!result.ended) faults.push(`${side}: no end of stream`)
      if (result.received !== from(other)) faults.push(`${side}: got ${result.received} of ${from(other)}`)
    } else if (result.received > from(other)) faults.push(`${side}: more than was sent`)
  }
  check('client', client)
  if (server !== undefined) check('server', server)
  else if (transfer.cut?.by !== 'client') faults.push('the server never saw the transfer')
  return faults.map((fault) => `transfer ${JSON.stringify(transfer)}: ${fault}`)
}

/** Everything wrong with the one record that a proxy must have of a transfer. */
export function recordFaults(finished: Finished, records: readonly SessionRecord[]): string[] {
  const { transfer, client, server } = finished
  const [record] = records
  if (record === undefined || records.length > 1)
    return [`transfer ${transfer.id}: ${records.length} records`]
  const faults: string[] = []
  const { up, down, outcome } = record
  if (transfer.cut === undefined) {
    if (outcome !== 'eof') faults.push(`outcome ${outcome} (${record.error})`)
    if (up !== transfer.up || down !== transfer.down) faults.push(`counts ${up}/${down}`)
  } else {
    // handed to the kernel: no more than one end sent, no less than the other received
    if (up > client.sent || up < (server?.received ?? 0)) faults.push(`up ${up}`)
    if (down > (server?.sent ?? 0) || down < client.received) faults.push(`down ${down}`)
    // a proxy may have passed on both ends of stream before the reset reaches it
    const allSent = client.sent === transfer.up && server?.sent === transfer.down
    const maybeWhole = transfer.cut.how === 'leave' || allSent
    // a client may break off while its destination is still dialled
    const left = outcome === 'left' && transfer.cut.by === 'client'
    if (outcome !== 'reset' && !left && !(outcome === 'eof' && maybeWhole)) faults.push(`outcome ${outcome}`)
  }
  return faults.map((fault) => `${fault}: ${JSON.stringify({ transfer, client, server, record })}`)
}
