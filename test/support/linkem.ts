/** The link emulator as a test runs it: built, started between two namespaces, spoken to line by line. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { Test } from 'tap'
import { z } from 'zod'
import { statistics, type Statistics } from './linkem-statistics.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The built program, brought up to date. @returns its path */
export function linkem(): string {
  execFileSync('make', ['-s', '-C', join(root, 'native/linkem'), `OUT=${join(root, 'build')}`])
  return join(root, 'build/linkem')
}

/** The program with address and undefined-behaviour sanitizers, built into a directory. @returns its path */
export function sanitizedLinkem(directory: string): string {
  execFileSync('make', ['-s', '-C', join(root, 'native/linkem'), `OUT=${directory}`, 'sanitize'])
  return join(directory, 'linkem-sanitize')
}

const device = z.strictObject({ name: z.string(), index: z.number(), mac: z.string() })
const readiness = z.strictObject({
  ok: z.literal(true),
  ready: z.strictObject({
    a: device,
    b: device,
    mtu: z.number(),
    seed: z.number(),
    realtime: z.boolean(),
  }),
})
export type Ready = z.infer<typeof readiness>['ready']

export interface LinkOptions {
  /** Name or pid of each end's namespace. */
  a: string
  b: string
  /** Name of the device in each; `eth0` when not given. */
  device?: string
  /** Lines of the control protocol. */
  settings?: readonly string[]
  args?: readonly string[]
  program?: string
}

export class Link {
  readonly process: ChildProcessWithoutNullStreams
  /** Settles with exit code and signal when all that it printed is here. */
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>
  #stderr = ''
  readonly #answers: AsyncIterator<string, undefined>
  #ready: Ready | undefined

  private constructor(options: LinkOptions) {
    const name = options.device ?? 'eth0'
    const set = (options.settings ?? []).flatMap((line) => ['--set', line])
    this.process = spawn(
      options.program ?? linkem(),
      [
        ...['--a-netns', options.a, '--a-name', name, '--b-netns', options.b, '--b-name', name],
        ...set,
        ...(options.args ?? []),
      ],
      { stdio: 'pipe' },
    )
    this.exited = once(this.process, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    // a command sent to a process that ended is seen by its missing answer
    this.process.stdin.on('error', () => undefined)
    this.#answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  /** Starts a link and waits until it carries packets; it ends with the test. */
  static async start(t: Test, options: LinkOptions): Promise<Link> {
    const link = new Link(options)
    t.teardown(() => link.stop())
    link.#ready = readiness.parse(await link.nextAnswer()).ready
    return link
  }

  get ready(): Ready {
    if (this.#ready === undefined) throw new Error('not started')
    return this.#ready
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The next answer to lines written to the process directly. */
  async nextAnswer(): Promise<unknown> {
    const { done, value } = await this.#answers.next()
    if (done === true) {
      await this.exited
      throw new Error(`linkem gave no answer: ${this.#stderr}`)
    }
    return JSON.parse(value)
  }

  /** Sends one line. @returns its answer, an error too */
  command(line: string | Buffer): Promise<unknown> {
    this.process.stdin.write(line)
    this.process.stdin.write('\n')
    return this.nextAnswer()
  }

  /** Sends one line. @throws with the message of an error */
  async set(line: string): Promise<void> {
    const answer = z
      .looseObject({ ok: z.boolean(), error: z.looseObject({ message: z.string() }).optional() })
      .parse(await this.command(line))
    if (!answer.ok) throw new Error(answer.error?.message ?? 'no message')
  }

  async stats(): Promise<Statistics> {
    return statistics(await this.command('stats'))
  }

  /** Closes standard input and waits for the end. @returns the exit code */
  async stop(): Promise<number | null> {
    this.process.stdin.end()
    return (await this.exited)[0]
  }
}
