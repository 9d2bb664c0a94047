/** Commands as the drivers make them. Values reach a shell as its parameters, never as part of its script. */
import { shellLine } from '../../src/shell-quote.js'
import type { Command } from '../resource.js'

/** A few lines of POSIX shell over `$1`, `$2` …; for what one command cannot say. */
export function script(text: string, parameters: readonly string[], input?: string): Command {
  return { argv: ['sh', '-c', text.trim(), 'sh', ...parameters], ...(input === undefined ? {} : { input }) }
}

/** A command whose failure means that there was nothing to do. */
export function forgiving(...argv: string[]): Command {
  return { ...script('"$@" 2>/dev/null || true', argv), typed: shellLine(argv) }
}

export function command(...argv: string[]): Command {
  return { argv }
}
