/** The result of a path test on a terminal. */
import Table from 'cli-table3'
import { formatAddress } from '../address.js'
import type { BlackHoleRecord } from '../paths/black-hole.js'
import type { PathTestResult, UplinkResult } from '../paths/path-test.js'

export function formatPathReport({ to, uplinks, blackHole }: PathTestResult): string {
  const table = new Table({
    head: ['uplink', 'address', 'verdict', 'RTT, ms: MPTCP', 'TCP', 'seen as', 'join'],
    style: { head: [], border: [], compact: true },
  })
  table.push(...uplinks.map(row))
  const parts = [
    `path test to ${formatAddress(to)}, ${repetitionsOf(uplinks)}`,
    table.toString(),
    ...uplinks.map(details),
    ...blackHoleWords(blackHole),
  ]
  return `${parts.join('\n')}\n`
}

function repetitionsOf(uplinks: readonly UplinkResult[]): string {
  return `${Math.max(...uplinks.map(({ repetitions }) => repetitions.length))} repetitions`
}

function row({ device, address, verdict, rtt, seen, nat, join }: UplinkResult): string[] {
  const figure = (value: number | undefined): string => value?.toFixed(1) ?? '-'
  const from = seen === undefined ? '-' : `${seen.address}${nat === true ? ' (NAT)' : ''}`
  return [device, address ?? '-', verdict, figure(rtt.mptcp), figure(rtt.tcp), from, join.join]
}

function details({ device, verdict, near, far, advice, bound, join, address }: UplinkResult): string {
  const lines = [
    `${device}: ${verdict}`,
    `  this end saw: ${near}`,
    `  the far end saw: ${far}`,
    ...(join.reason === undefined ? [] : [`  join ${join.join}: ${join.reason}`]),
    ...(bound || address === undefined
      ? []
      : ['  bound to the address only: without source routing, packets may have left by another uplink']),
    `  ${advice}`,
  ]
  return lines.join('\n')
}

function blackHoleWords({ timeout, foundOff, wentOff }: BlackHoleRecord): string[] {
  const found = `the kernel had taken MPTCP away (net.mptcp.blackhole_timeout, ${timeout ?? 0} s)`
  return [
    ...(foundOff ? [`Before the test ${found}: it was given back.`] : []),
    ...(wentOff > 0 ? [`During the test ${found} ${wentOff} times: it was given back.`] : []),
  ]
}
