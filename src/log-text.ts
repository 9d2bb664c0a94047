/** A log record as one line of text for people: when, how grave, and what. Pure. */
import { printable } from './printable.js'
import type { SessionRecord, SideRecord } from './session-record.js'

/** As pino writes it in JSON. */
export interface LogRecord extends Record<string, unknown> {
  level: string
  /** ISO 8601. */
  time: string
  msg: string
}

/** Said by every session's record; programs look for it. */
export const SESSION_ENDED = 'session ended'

/** Without the line break. */
export function logText(record: LogRecord): string {
  const { level, time, msg, ...fields } = record
  const what =
    msg === SESSION_ENDED ? sessionText(fields as unknown as SessionRecord) : messageText(msg, fields)
  return printable(`${time} ${level.padEnd(5)} ${what}`)
}

function messageText(msg: string, { service, ...fields }: Record<string, unknown>): string {
  const of = typeof service === 'string' ? `${service}: ` : ''
  const more = Object.entries(fields).map(([key, value]) => ` ${key}=${valueText(value)}`)
  return `${of}${msg}${more.join('')}`
}

/** Words as they are; what has spaces, quotes or parts as JSON. */
function valueText(value: unknown): string {
  const text = Array.isArray(value) ? value.map(String).join(',') : value
  return typeof text === 'string' && /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/**
 * `socks5 alice@127.0.0.1:46754 → 10.77.5.2:80 via 10.77.3.2:1080 mptcp ↑73 B ↓263 B 50 ms eof`, and
 * of each subflow what it carried, by this host's address.
 */
function sessionText(record: SessionRecord): string {
  const { service, user, destination, client, remote, up, down, duration, outcome, error } = record
  const from = `${user === undefined ? '' : `${user}@`}${client.address}${client.protocol === 'mptcp' ? ' mptcp' : ''}`
  const parts = [
    `${service} ${from}`,
    ...(destination === undefined ? [] : [`→ ${destination}`]),
    ...(remote === undefined || remote.address === destination ? [] : [`via ${remote.address}`]),
    ...(remote === undefined ? [] : [remote.protocol]),
    `↑${bytesText(up)} ↓${bytesText(down)} ${durationText(duration)} ${outcome}`,
  ]
  const carried = [client, remote].flatMap((side) => (side === undefined ? [] : subflowsText(side)))
  return `${parts.join(' ')}${error === undefined ? '' : `: ${error}`}${carried.length === 0 ? '' : ` (${carried.join(', ')})`}`
}

function subflowsText({ subflows = [] }: SideRecord): string[] {
  const carried = new Map<string, number>()
  for (const { local, sent = 0, received = 0 } of subflows) {
    const address = local.replace(/:\d+$/, '')
    carried.set(address, (carried.get(address) ?? 0) + sent + received)
  }
  return [...carried].map(([address, bytes]) => `${address} ${bytesText(bytes)}`)
}

const UNITS = ['kB', 'MB', 'GB', 'TB']

function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1] ?? ''}`
}

function durationText(milliseconds: number): string {
  return milliseconds < 10_000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
