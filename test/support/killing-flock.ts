/**
 * A `flock` that kills `mptk -9`, or sends it another signal, at its N-th call, before it lets the
 * command run: every command with which mptk changes a host is run by flock, so this is every place
 * where mptk can be killed.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export class KillingFlock {
  readonly env: Record<string, string>
  readonly #folder: string

  constructor(folder: string, signal: 'KILL' | 'INT' = 'KILL') {
    this.#folder = folder
    this.env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` }
    const flock = join(folder, 'flock')
    writeFileSync(
      flock,
      `#!/bin/sh
cd ${folder} || exit
printf '%s\\n' "$(printf '%s ' "$@" | tr '\\n' ' ' | cut -c1-200)" >>calls
if [ "$(wc -l <calls)" -eq "$(cat at)" ]; then
  while [ ! -s pid ]; do sleep 0.01; done
  kill -s ${signal} "$(cat pid)"
  # whoever comes next meets a command that is still to come
  sleep 0.3
fi
cd / && exec /usr/bin/flock "$@"
`,
    )
    chmodSync(flock, 0o755)
  }

  /** At this call from now on; the process is told with {@link victim}. */
  killAt(call: number): void {
    writeFileSync(join(this.#folder, 'calls'), '')
    writeFileSync(join(this.#folder, 'pid'), '')
    writeFileSync(join(this.#folder, 'at'), `${call}`)
  }

  victim(pid: number): void {
    writeFileSync(join(this.#folder, 'pid'), `${pid}`)
  }

  get calls(): number {
    return this.commands.length
  }

  /** The beginning of each call's words since {@link killAt}, in order. */
  get commands(): string[] {
    const file = join(this.#folder, 'calls')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  }
}
