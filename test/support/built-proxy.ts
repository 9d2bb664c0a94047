/** `mptk run` as a process of its own, with everything a test wants to know of it while it runs. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { SessionRecord } from '../../proxy/session.js'
import { openDescriptors, privateMemory } from './proc-state.js'
import { start, type Command, type Ended } from './process.js'
import { scratchFolder } from './scratch.js'
import { runTool } from './tools.js'
import { until } from './until.js'

const RELAY_THREADS = 2

/** Empty pipes that a relay thread keeps, two descriptors each. */
function sparePipes(): number {
  const header = readFileSync(new URL('../../native/relay_internal.h', import.meta.url), 'utf8')
  const match = /^#define RELAY_SPARE_PIPES (\d+)$/m.exec(header)
  if (match === null) throw new Error('native/relay_internal.h does not say RELAY_SPARE_PIPES')
  return Number(match[1])
}

const COLLECT_SIGNAL = 'SIGUSR2'
/** Lets the test collect the proxy's garbage: memory in use is then told from memory not freed yet. */
const COLLECT_ON_SIGNAL = `--import=data:text/javascript,${encodeURIComponent(`
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
process.on('${COLLECT_SIGNAL}', () => collect())
`)}`

export class BuiltProxy {
  readonly #command: Command
  readonly #statusPort: number
  readonly #prefix: readonly string[]
  readonly #records: SessionRecord[] = []
  readonly #complaints: string[] = []
  readonly #recordsLogged: boolean
  #linesRead = 0
  #recordsRead = 0

  constructor(command: Command, statusPort: number, prefix: readonly string[], recordsLogged: boolean) {
    this.#command = command
    this.#statusPort = statusPort
    this.#prefix = prefix
    this.#recordsLogged = recordsLogged
  }

  get pid(): number {
    return this.#command.pid
  }

  /** Session records in the order they were logged; whoever has looked at them may empty it. */
  get records(): SessionRecord[] {
    this.#readOn()
    return this.#records
  }

  /** Everything else on standard error: warnings, and a crash's last words. */
  get complaints(): string[] {
    this.#readOn()
    return this.#complaints
  }

  /** GET of a page of the status address. */
  async page(path: '/status' | '/metrics' | '/healthz'): Promise<string> {
    const [command, ...words] = this.#prefix
    if (command !== undefined) {
      const url = `http://127.0.0.1:${this.#statusPort}${path}`
      const { code, stdout, stderr } = await runTool(command, [
        ...words,
        'curl',
        '-sS',
        '--max-time',
        '50',
        url,
      ])
      if (code !== 0) throw new Error(`curl ${url}: ${stderr}`)
      return stdout.toString()
    }
    const request = get({ host: '127.0.0.1', port: this.#statusPort, path, agent: false })
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return text
  }

  /** The sum of a metric's samples whose labels contain all of `labels`. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
    let sum = 0
    for (const line of (await this.page('/metrics')).split('\n')) {
      const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
      if (match?.[1] !== name) continue
      if (wanted.every((label) => match[2]?.includes(label) === true)) sum += Number(match[3])
    }
    return sum
  }

  descriptors(): Record<string, number> {
    return openDescriptors(this.pid)
  }

  /** Memory in use when garbage is collected, bytes: the least of some looks. */
  async memory(): Promise<number> {
    let least = Infinity
    for (let looks = 0; looks < 5; looks++) least = Math.min(least, await this.#collected())
    return least
  }

  /** Waits until no more than `limit` bytes are in use; a leak never comes back. */
  async memoryBelow(limit: number): Promise<void> {
    await until('memory goes back', async () => {
      const used = await this.#collected()
      return used > limit ? `${used >> 10} KiB in use, at most ${limit >> 10} expected` : undefined
    })
  }

  /**
   * Waits until no session is left, each has left its record, and there are no more descriptors than
   * `before`; of pipes, each relay thread may have kept some empty ones for the next splice.
   */
  async settled(before: Record<string, number>): Promise<void> {
    const { pipe: pipesBefore = 0, ...othersBefore } = before
    const mostPipes = pipesBefore + 2 * sparePipes() * RELAY_THREADS
    await until('the proxy settles', async () => {
      // looked at before asking, for the question is a descriptor too
      const { pipe: pipes = 0, ...others } = this.descriptors()
      const active = await this.metric('mptk_sessions_active')
      if (active !== 0) return `${active} sessions in progress`
      const ended = await this.metric('mptk_sessions_total')
      this.#readOn()
      if (this.#recordsLogged && this.#recordsRead !== ended) {
        return `${this.#recordsRead} records of ${ended} sessions`
      }
      if (pipes > mostPipes) return `${pipes} pipes, at most ${mostPipes} expected`
      // the question whether it was up may have been open before
      const more = Object.entries(others).some(([kind, count]) => count > (othersBefore[kind] ?? 0))
      return more
        ? `descriptors ${JSON.stringify(others)}, before ${JSON.stringify(othersBefore)}`
        : undefined
    })
  }

  /** SIGTERM, then the end. */
  stop(): Promise<Ended> {
    this.#command.signal('SIGTERM')
    return this.#command.ended
  }

  async #collected(): Promise<number> {
    this.#command.signal(COLLECT_SIGNAL)
    // an answer shows that the event loop has come round
    await this.page('/healthz')
    return privateMemory(this.pid)
  }

  #readOn(): void {
    const lines = this.#command.stderr.seen
    for (; this.#linesRead < lines.length; this.#linesRead++) {
      const line = lines[this.#linesRead] ?? ''
      const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string }) : {}
      if (/^mptk \S+ on Linux /.test(entry.msg ?? '')) continue
      if (entry.msg !== 'session ended') {
        this.#complaints.push(line)
        continue
      }
      this.#recordsRead++
      this.#records.push(entry as unknown as SessionRecord)
    }
  }
}

/**
 * Runs `mptk run` with this configuration and returns when it says that everything is up; ended
 * with the test. `services` is as in the configuration file; `prefix` is words before the
 * command: `ip netns exec …`.
 */
export async function startProxy(
  t: Test,
  config: { services: object[]; statusPort: number; logLevel?: 'info' | 'warn'; prefix?: string[] },
): Promise<BuiltProxy> {
  const { services, statusPort, logLevel = 'info', prefix = [] } = config
  const file = join(scratchFolder(t), 'proxy.yaml')
  const whole = {
    services,
    status: { listen: `127.0.0.1:${statusPort}` },
    log: { level: logLevel, format: 'json' },
    relay: { threads: RELAY_THREADS },
  }
  writeFileSync(file, JSON.stringify(whole))
  const command = start(t, ['run', '--config', file], {
    env: { NODE_OPTIONS: COLLECT_ON_SIGNAL },
    prefix,
  })
  const proxy = new BuiltProxy(command, statusPort, prefix, logLevel === 'info')
  let ended: Ended | undefined
  void command.ended.then((end) => (ended = end))
  // the last that is opened
  await until('the status address answers', async () => {
    if (ended !== undefined) throw new Error(`mptk run ended with ${ended.code}: ${ended.stderr}`)
    return proxy.page('/healthz').then(
      () => undefined,
      (error: unknown) => String(error),
    )
  })
  return proxy
}
