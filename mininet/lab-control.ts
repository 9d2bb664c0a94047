/** The conversation with lab.py: JSON lines, see the head of that file. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { describeError, MptkError } from '../src/errors.js'
import { localRunner, type SpawnedCommand } from '../src/exec.js'
import type { Topology } from './topology.js'

/** Debian's Python, which the mininet package is for; another one in PATH may not have it. */
const PYTHON = '/usr/bin/python3'
/** Lines of lab.py's standard error kept for an error message. */
const KEPT_LINES = 20

const interfaceSchema = z.object({
  name: z.string(),
  mac: z.string(),
  mtu: z.number(),
  /** With prefix length; link-local ones are left out. */
  addresses: z.array(z.string()),
})
const nodeSchema = z.object({ pid: z.number(), interfaces: z.array(interfaceSchema) })
const linkEndSchema = z.object({ node: z.string(), interface: z.string() })
const linkSchema = z.object({
  a: linkEndSchema,
  b: linkEndSchema,
  emulator: z.enum(['htb', 'netem', 'linkem']),
})
const readySchema = z.object({
  event: z.literal('ready'),
  hosts: z.record(z.string(), nodeSchema),
  links: z.record(z.string(), linkSchema),
})
const amountSchema = z.object({ packets: z.number(), bytes: z.number() })
const directionStatsSchema = z.object({
  /** Handed to the other end, Ethernet headers included. */
  delivered: amountSchema,
  /** Packets, whatever the reason. */
  dropped: z.number(),
  waiting: amountSchema,
  /** What linkem tells besides, by reason: see docs/linkem.md. */
  details: z.unknown(),
})
const statsSchema = z.object({ aToB: directionStatsSchema, bToA: directionStatsSchema })
const messageSchema = z.union([
  readySchema,
  z.object({ event: z.literal('error'), message: z.string() }),
  z.object({ id: z.number(), ok: z.literal(true), stats: statsSchema.optional() }),
  z.object({ id: z.number(), error: z.string() }),
])

export type LabInterface = z.infer<typeof interfaceSchema>
export type LabNode = z.infer<typeof nodeSchema>
export type LabReady = z.infer<typeof readySchema>
export type LabLinkReady = z.infer<typeof linkSchema>
export type LinkStats = z.infer<typeof statsSchema>

export type LabCommand =
  | { op: 'link'; link: string; state: 'down' | 'up' }
  | { op: 'set'; link: string; direction: 'both' | 'aToB' | 'bToA'; settings: object }
  | { op: 'restore'; link: string }
  | { op: 'stats'; link: string }
  | { op: 'stop' }

/** What an answer has besides its success. */
export interface LabAnswer {
  stats?: LinkStats | undefined
}

export interface LabEnd {
  /** True when lab.py ended by itself and so has cleaned up. */
  clean: boolean
  reason: MptkError
}

interface Waiting {
  resolve: (answer: LabAnswer) => void
  reject: (error: MptkError) => void
}

/** A file that is not compiled and so lies beside the sources: `mininet/` of the package, also when built. */
export function labFile(...path: string[]): string {
  const here = dirname(fileURLToPath(import.meta.url))
  // mininet/ in the source tree, dist/mininet/ when built
  const candidates = [here, join(here, '..', '..', 'mininet')].map((folder) => join(folder, ...path))
  const file = candidates.find((candidate) => existsSync(candidate))
  if (file === undefined) throw new MptkError('MPTK_LAB', `there is no ${path.join('/')} in mininet/`)
  return file
}

export class LabControl {
  /** What the lab consists of. */
  readonly ready: Promise<LabReady>
  /** Settles with what is known about the reason when lab.py has ended; never rejects. */
  readonly ended: Promise<LabEnd>
  readonly #child: SpawnedCommand
  readonly #waiting = new Map<number, Waiting>()
  readonly #errorLines: string[] = []
  #lastId = 0
  #end: MptkError | undefined
  #reported: string | undefined

  constructor(topology: Topology) {
    this.#child = localRunner.spawn([PYTHON, labFile('lab.py'), '-'])
    const errors = createInterface({ input: this.#child.stderr })
    errors.on('line', (line) => {
      this.#errorLines.push(line)
      if (this.#errorLines.length > KEPT_LINES) this.#errorLines.shift()
    })
    const lines = createInterface({ input: this.#child.stdout })
    const outputEnd = new Promise<void>((resolve) => lines.once('close', resolve))
    this.ended = Promise.all([this.#child.exited, outputEnd]).then(([status]) => {
      const last = this.#errorLines.at(-1)
      const how = `lab.py ended (${status.signal ?? `exit code ${status.exitCode ?? 'unknown'}`})`
      const message = this.#reported ?? (last === undefined ? how : `${how}: ${last}`)
      return { clean: status.exitCode === 0, reason: new MptkError('MPTK_LAB', message) }
    })
    this.ready = new Promise((resolve, reject) => {
      lines.on('line', (line) => this.#onLine(line, resolve))
      void this.ended.then(({ reason }) => {
        this.#end = reason
        reject(reason)
        for (const waiting of this.#waiting.values()) waiting.reject(reason)
        this.#waiting.clear()
      })
    })
    // Whoever awaits it gets the error; when nobody does any more it is not unhandled.
    this.ready.catch(() => undefined)
    this.#child.stdin.write(`${JSON.stringify(topology)}\n`)
  }

  get pid(): number {
    return this.#child.pid
  }

  /** @throws {MptkError} MPTK_LAB when lab.py refuses the command or has ended */
  send(command: LabCommand): Promise<LabAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(this.#end)
        return
      }
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`)
    })
  }

  /** @throws {MptkError} MPTK_LAB */
  async stats(link: string): Promise<LinkStats> {
    const { stats } = await this.send({ op: 'stats', link })
    if (stats === undefined) throw new MptkError('MPTK_LAB', `link ${link}: lab.py gave no statistics`)
    return stats
  }

  /** The end of its input stops the lab at whatever point it is. */
  hangUp(): void {
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
  }

  #onLine(line: string, ready: (message: LabReady) => void): void {
    let message: z.infer<typeof messageSchema>
    try {
      message = messageSchema.parse(JSON.parse(line))
    } catch (error) {
      this.#errorLines.push(`not understood: ${line}: ${describeError(error)}`)
      return
    }
    if ('event' in message) {
      if (message.event === 'ready') ready(message)
      else this.#reported = message.message
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if ('ok' in message) waiting?.resolve({ stats: message.stats })
    else waiting?.reject(new MptkError('MPTK_LAB', message.error))
  }
}

/** Removes what labs left behind whose lab.py was killed. @throws {MptkError} MPTK_EXEC */
export async function removeLeftovers(): Promise<void> {
  await localRunner.run([PYTHON, labFile('lab.py'), '--clean'])
}
