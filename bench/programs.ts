/** Programs the benchmarks start: every one is stopped again by its own process, whatever happens. */
import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { PRLIMIT } from './descriptors.js'

const READY_LIMIT = 15_000
const STOP_LIMIT = 5_000

export interface Command {
  argv: readonly [string, ...string[]]
  env?: Record<string, string>
}

type Child = ReturnType<typeof spawn>

function spawn({ argv, env }: Command) {
  return execa('prlimit', [PRLIMIT, '--', ...argv], {
    env: env ?? {},
    reject: false,
    all: true,
    stdin: 'pipe',
    // a benchmark that is itself killed must not leave proxies behind
    cleanup: true,
  })
}

export class Program {
  readonly name: string
  readonly pid: number
  readonly #child: Child

  private constructor(name: string, child: Child, pid: number) {
    this.name = name
    this.#child = child
    this.pid = pid
  }

  /** Starts the command with room for many descriptors. @throws when it cannot be started */
  static async start(name: string, command: Command): Promise<Program> {
    const child = spawn(command)
    if (child.pid !== undefined) return new Program(name, child, child.pid)
    const result = await child
    throw new Error(`${name}: ${result.message ?? 'cannot be started'}`)
  }

  /** The next line of its output. @throws when it ends first */
  async line(): Promise<string> {
    const { stdout } = this.#child
    stdout.setEncoding('utf8')
    for (let text = ''; ;) {
      const next = await Promise.race([once(stdout, 'data') as Promise<[string]>, this.#child])
      if (!Array.isArray(next)) throw new Error(`${this.name} ended: ${next.all}`)
      text += next[0]
      if (text.endsWith('\n')) return text.trim()
    }
  }

  writeLine(): void {
    this.#child.stdin.write('\n')
  }

  /** Waits until it accepts on the port. @throws with its output when it ends instead, or after 15 s */
  async listening(port: number): Promise<void> {
    const deadline = performance.now() + READY_LIMIT
    let ended: string | undefined
    void this.#child.then((result) => (ended = result.all))
    while (!(await accepts(port))) {
      if (ended !== undefined) throw new Error(`${this.name} ended before it listened: ${ended}`)
      if (performance.now() > deadline) throw new Error(`${this.name} does not listen on port ${port}`)
      await sleep(20)
    }
  }

  async stop(): Promise<void> {
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT)
    await this.#child
    clearTimeout(killer)
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A port nobody listens on now, of all addresses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port')
  return address.port
}
