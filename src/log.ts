/**
 * Logging by pino, always on standard error: JSON lines for machines, one line of text for each
 * record on a terminal. Whatever reads it, or does not, never holds the process up.
 */
import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import { pino, type Logger } from 'pino'
import type { LogConfig } from './config/schema.js'
import { LogDestination } from './log-destination.js'
import { LogFileLimit } from './log-file-limit.js'
import { logText, type LogRecord } from './log-text.js'
import { printable, printableJson } from './printable.js'

export type { Logger } from 'pino'

/** Keys that may hold secrets, should an object with them ever be logged. */
const REDACT = ['password', '*.password', 'passwordHash', '*.passwordHash']

/** How long the last lines may take at the end, milliseconds. */
const LAST_WORDS = 1000

const STANDARD_ERROR = 2

/** What lines look like, the same for every destination. */
export const LOGGER_OPTIONS = {
  base: null,
  redact: REDACT,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
}

export interface Log {
  readonly logger: Logger
  /** Lines that were dropped since the start, because nothing took them. */
  dropped(): number
  /** What is said once at the start, whatever the level where it is text: JSON gets it as a record. */
  announce(lines: readonly string[], fields: object): void
  /** Writes the last lines within a bounded time. */
  close(): Promise<void>
}

/** Takes the process's warnings (Node's own) in as well. */
export function openLog({ level, format }: LogConfig): Log {
  const text = format === 'text' || (format === 'auto' && isatty(STANDARD_ERROR))
  const priority = isJournal() ? (of: string) => `<${PRIORITY[of] ?? 6}>` : () => ''
  const limit = LogFileLimit.ofEnvironment(STANDARD_ERROR)
  const destination = new LogDestination(STANDARD_ERROR, {
    onDropped: (lines) => logger.warn({ lines }, `${lines} log lines were dropped: nothing took them`),
    ...(limit !== undefined && { onGrown: () => limit.check() }),
  })
  const logger = pino(
    { ...LOGGER_OPTIONS, level },
    {
      write(json: string) {
        const of = /^\{"level":"(\w+)"/.exec(json)?.[1] ?? ''
        const line = text ? `${logText(JSON.parse(json) as LogRecord)}\n` : printableJson(json)
        destination.write(priority(of) + line)
      },
    },
  )
  // they would be printed past the bounds, and between lines of JSON
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => logger.warn(`${name}: ${message}`))
  return {
    logger,
    dropped: () => destination.dropped,
    announce(lines, fields) {
      if (text) for (const line of lines) destination.write(`${priority('info')}${printable(line)}\n`)
      else logger.info(fields, lines[0])
    },
    close: () => destination.close(LAST_WORDS),
  }
}

/** Of syslog, as sd-daemon(3) wants them in front of a line. */
const PRIORITY: Readonly<Record<string, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
}

/** Whether standard error is systemd's journal itself; the variable is inherited by children whose output goes elsewhere. */
function isJournal(): boolean {
  const { dev, ino } = fstatSync(STANDARD_ERROR, { bigint: true })
  return process.env['JOURNAL_STREAM'] === `${dev}:${ino}`
}
