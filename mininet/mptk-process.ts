/** The built command in a host of the lab: `mininet/` runs it as any program, as users do. */
import { labFile } from './lab-control.js'
import type { LabHost } from './lab-host.js'
import type { LabProcess } from './lab-process.js'

/** Words that run `mptk`; the environment must not hold a test runner's preloads (see {@link MPTK_ENV}). */
export function mptkCommand(...args: string[]): string[] {
  return [process.execPath, labFile('..', 'dist', 'src', 'cli', 'main.js'), ...args]
}

export const MPTK_ENV = { NODE_OPTIONS: '' } as const

/** What `mptk run` says when everything is up, in either form of its log. */
export const MPTK_UP = /\bmptk \S+ on Linux /

/**
 * Starts one that goes on running, and returns when it has said that it is ready.
 * @throws {MptkError} MPTK_LAB with what it printed
 */
export async function startMptk(host: LabHost, args: string[], ready: RegExp): Promise<LabProcess> {
  const process = host.spawn(mptkCommand(...args), { env: MPTK_ENV })
  await process.waitForLine(ready)
  return process
}
