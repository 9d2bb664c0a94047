/** Logging by pino: JSON lines for machines, readable lines on a terminal. Always on standard error. */
import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { LogConfig } from './config/schema.js'

export type { Logger } from 'pino'

/** Keys that may hold secrets, should an object with them ever be logged. */
const REDACT = ['password', '*.password', 'passwordHash', '*.passwordHash']

export function createLogger(config: LogConfig): Logger {
  const options = { level: config.level, base: null, redact: REDACT }
  const text = config.format === 'text' || (config.format === 'auto' && process.stderr.isTTY)
  if (!text) return pino(options, pino.destination({ dest: 2, sync: false }))
  const lines = pretty({
    destination: 2,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return pino(options, lines)
}
