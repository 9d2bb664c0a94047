import { constants } from 'node:os'

export interface SignalEnd {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
  signal: AbortSignal
  /** 128 + its number, as shells have it; undefined when none came. */
  exitCode: () => number | undefined
}

export function untilSignal(): SignalEnd {
  const stop = new AbortController()
  let exitCode: number | undefined
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (exitCode !== undefined) process.exit(exitCode)
      exitCode = 128 + constants.signals[name]
      stop.abort(new Error(name))
    })
  }
  return { signal: stop.signal, exitCode: () => exitCode }
}
