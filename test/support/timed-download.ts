/** A download whose every arrival is timed and whose every byte is compared, and the server for it. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Rate } from '../../mininet/experiments/recovery.js'
import type { LabHost } from '../../mininet/lab-host.js'
import { until } from './until.js'

const BLOCK = 1 << 20
const PORT = 8080

/** Sends one random block again and again: as many bytes as the path of the request says. */
const SERVER = `
const block = require('fs').readFileSync(process.argv[1])
const { Readable } = require('stream')
function* send(left) {
  for (; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length))
}
require('http')
  .createServer((request, response) => {
    const body = Readable.from(send(Number(request.url.slice(1))), { objectMode: false })
    response.on('close', () => body.destroy())
    body.pipe(response)
  })
  .listen(${PORT}, () => console.log('listening'))
`

export class EndlessServer {
  readonly block = randomBytes(BLOCK)
  readonly url: string

  private constructor(address: string) {
    this.url = `http://${address}:${PORT}/`
  }

  static async start(host: LabHost, address: string, folder: string): Promise<EndlessServer> {
    const server = new EndlessServer(address)
    const file = join(folder, 'block')
    writeFileSync(file, server.block)
    const process_ = host.spawn([process.execPath, '-e', SERVER, file], { env: { NODE_OPTIONS: '' } })
    await process_.waitForLine(/^listening$/)
    return server
  }
}

export class TimedDownload {
  readonly ended: Promise<{ exitCode: number | undefined }>
  /** The first byte that is not what was sent. */
  wrongAt: number | undefined
  #bytes = 0
  readonly #arrivals: { at: number; bytes: number }[] = []
  readonly #command: ReturnType<LabHost['runner']['spawn']>

  /** curl on a host of the lab, through a SOCKS5 proxy on its loopback. */
  constructor(host: LabHost, server: EndlessServer, size: number) {
    this.#command = host.runner.spawn([
      ...['curl', '-sS', '--no-buffer', '--socks5-hostname', '127.0.0.1:1080'],
      `${server.url}${size}`,
    ])
    this.#command.stdout.on('data', (chunk: Buffer) => this.#take(chunk, server.block))
    this.#command.stderr.pipe(process.stderr)
    this.ended = this.#command.exited
  }

  get bytes(): number {
    return this.#bytes
  }

  stop(): void {
    this.#command.kill('SIGKILL')
  }

  async untilBytes(bytes: number): Promise<void> {
    await until(`${bytes} bytes`, () => (this.#bytes >= bytes ? undefined : `${this.#bytes}`))
  }

  /** From one time of `performance.now()` to another in steps, all in milliseconds; the rates' own times are seconds since `from`. */
  rates(from: number, to: number, step: number): Rate[] {
    const sums = new Array<number>(Math.floor((to - from) / step)).fill(0)
    for (const { at, bytes } of this.#arrivals) {
      const slot = Math.floor((at - from) / step)
      if (slot in sums) sums[slot] = (sums[slot] ?? 0) + bytes
    }
    return sums.map((bytes, slot) => ({
      start: (slot * step) / 1000,
      end: ((slot + 1) * step) / 1000,
      mbit: (bytes * 8) / step / 1000,
    }))
  }

  #take(chunk: Buffer, block: Buffer): void {
    this.#arrivals.push({ at: performance.now(), bytes: chunk.length })
    for (let done = 0; done < chunk.length && this.wrongAt === undefined;) {
      const offset = (this.#bytes + done) % block.length
      const length = Math.min(chunk.length - done, block.length - offset)
      if (chunk.compare(block, offset, offset + length, done, done + length) !== 0) {
        this.wrongAt = this.#bytes + done
      }
      done += length
    }
    this.#bytes += chunk.length
  }
}
